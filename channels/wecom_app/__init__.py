"""WeCom 自建应用: encrypted XML callbacks in, `message/send` and app-made group chats out.

Protocol: https://developer.work.weixin.qq.com/document/path/90238 and its neighbours.
"""

from __future__ import annotations

from channels.wecom_app.account import WecomAppSettings
from channels.wecom_app.channel import WecomAppChannel

__all__ = ["WecomAppChannel", "WecomAppSettings"]
