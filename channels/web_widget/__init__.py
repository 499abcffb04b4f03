"""A chat for any website: one script tag, messages by POST, answers by server-sent events out of a durable mailbox."""

from __future__ import annotations

from channels.web_widget.account import WebWidgetSettings
from channels.web_widget.channel import WebWidgetChannel

__all__ = ["WebWidgetChannel", "WebWidgetSettings"]
