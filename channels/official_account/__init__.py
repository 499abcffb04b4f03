"""A WeChat 公众号: signed callbacks in, passive replies within five seconds and customer-service messages out.

Protocol: https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Overview.html
"""

from __future__ import annotations

from channels.official_account.account import OfficialAccountSettings
from channels.official_account.channel import OfficialAccountChannel

__all__ = ["OfficialAccountChannel", "OfficialAccountSettings"]
