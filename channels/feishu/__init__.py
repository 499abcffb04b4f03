"""Feishu: an app's bot in chats, cards for staff, helpdesk events. Knows nothing of the graph."""

from channels.feishu.channel import FeishuChannel
from channels.feishu.settings import FeishuSettings

__all__ = ["FeishuChannel", "FeishuSettings"]
