"""WeCom 智能机器人 in webhook mode: encrypted callbacks in, stream bubbles and one-shot response URLs out.

Protocol: https://developer.work.weixin.qq.com/document/path/101039 and its neighbours.
"""

from __future__ import annotations

from channels.wecom_bot.channel import BubbleWords, WecomBotChannel, WecomBotSettings

__all__ = ["BubbleWords", "WecomBotChannel", "WecomBotSettings"]
