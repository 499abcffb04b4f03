"""What an errcode of WeChat or WeCom means for the caller. Pure; `wechat_api` raises what is judged here.

Protocol: https://developer.work.weixin.qq.com/document/path/90313 (WeCom),
https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html (公众号, 小程序)
"""

from __future__ import annotations

import re

from conversation.errors import GiveUp, HuiyingError, PersonHolds, RetryLater

#: The token is wrong or old: 40001 and 40014 invalid, 41001 missing, 42001 expired.
TOKEN_REFUSED = frozenset({40001, 40014, 41001, 42001})

#: Seconds to wait, None for the caller's own policy.
_BUSY: dict[int, float | None] = {-1: None, 45009: 60.0, 45011: 60.0, 45033: 5.0}
_WINDOW_CLOSED = {
    45015: "the customer last wrote more than 48 hours ago",
    45047: "the messages that the customer's last one allowed are used up",
    95001: "the five messages that the customer's last one allowed are used up",
    95002: "the customer last wrote more than 48 hours ago",
    95013: "the conversation has ended; the customer must write first",
}
_HUMAN_HOLDS = 95018
_WORDS = {
    40003: "the openid is none of this account's",
    40013: "the corpid or appid is wrong",
    40096: "the external_userid is none of ours",
    40125: "the secret is wrong",
    40164: "this address may not call: add it to the IP allow-list of the 公众号 or 小程序",
    45002: "the content is too long",
    48001: "the account has no right to this call: see its interface permissions",
    48002: "the app has no right to this call: see its API permissions",
    48007: "the 微信客服 account is not authorised to the app",
    60011: "the app may not see this member or department: see its visible range",
    60020: "this address may not call: add it to 企业可信IP of the app",
    81013: "all receivers are invalid, or outside the app's visible range",
    93000: "the webhook key is wrong",
    95000: "the open_kfid is wrong",
    95004: "the 微信客服 account does not exist",
    95007: "the token of the callback is not valid any more",
    95011: "the 微信客服 account is managed inside WeCom",
    95012: "the 微信客服 account is not managed inside WeCom",
    95014: "this person does not receive customers now",
    95016: "the conversation cannot go from its state to that one",
    95017: "the API switch of the 微信客服 account is off",
}
_ADDRESS = re.compile(r"from ip:\s*([0-9A-Fa-f.:]{3,45})")


class WechatRefused(GiveUp):
    """The platform said no. `code` is its errcode, 0 where it gave none."""

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


class WindowClosed(WechatRefused):
    """Nothing may be sent until the customer writes again: the time or the count is over."""


class HumanHolds(WechatRefused, PersonHolds):
    """A person of the platform's own desk holds the conversation: the bot must be silent."""


def refusal(code: int, errmsg: str) -> HuiyingError:
    """The error for an errcode other than 0. Of `errmsg` only an address to allow is told: it may quote anything."""
    if code in TOKEN_REFUSED:
        return RetryLater(f"the platform refuses our access token: errcode {code}", 5.0)
    if code in _BUSY:
        return RetryLater(f"the platform is busy or we are over a limit: errcode {code}", _BUSY[code])
    if code in _WINDOW_CLOSED:
        return WindowClosed(f"{_WINDOW_CLOSED[code]}: errcode {code}", code)
    if code == _HUMAN_HOLDS:
        return HumanHolds(f"the state of the conversation forbids sending, a person may hold it: errcode {code}", code)
    words = _WORDS.get(code, "the platform refuses the call")
    address = _ADDRESS.search(errmsg)
    return WechatRefused(f"{words}: errcode {code}{f', address {address[1]}' if address else ''}", code)


def token_refusal(code: int, errmsg: str) -> HuiyingError:
    """The error where no token is given: there 40001 means that the secret is wrong, which no retry heals."""
    if code == 40001:
        return WechatRefused("the secret is wrong: errcode 40001", code)
    return refusal(code, errmsg)
