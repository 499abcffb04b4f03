"""WeCom 群机器人 (消息推送): notices into one internal group by its webhook address; nothing comes in.

Protocol: https://developer.work.weixin.qq.com/document/path/99110
"""

from __future__ import annotations

from channels.group_webhook.channel import GroupWebhookChannel, GroupWebhookSettings

__all__ = ["GroupWebhookChannel", "GroupWebhookSettings"]
