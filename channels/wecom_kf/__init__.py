"""微信客服 of WeCom: encrypted callbacks that only announce, pages of news that are pulled, send_msg out.

Protocol: https://developer.work.weixin.qq.com/document/path/94638 and its neighbours.
"""

from __future__ import annotations

from channels.wecom_kf.channel import WecomKfChannel, WecomKfSettings, forget_sends
from channels.wecom_kf.reception import ColleagueUnavailable, KfState, MoveRefused, Reception

__all__ = [
    "ColleagueUnavailable",
    "KfState",
    "MoveRefused",
    "Reception",
    "WecomKfChannel",
    "WecomKfSettings",
    "forget_sends",
]
