"""What a refusal by Feishu's REST API means for the caller; used by the shared plumbing in `feishu_api`.

Codes: https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code
"""

from __future__ import annotations

from conversation.errors import FateUnknown, GiveUp, HuiyingError, RetryLater

#: Our tenant or app token is not taken (any more): get a fresh one and ask once more.
TOKEN_REFUSED = frozenset({99991663, 99991664, 99991671})

#: Too fast or too busy, with the seconds to wait where the answer names none.
BUSY = {99991400: 1.0, 230020: 1.0, 11232: 5.0}

CARD_REFUSED = frozenset({230099})

#: Permanent refusals in words that mend them.
CURES = {
    10003: "app_id or app_secret is wrong",
    10014: "app_secret is wrong",
    99991543: "app_id or app_secret is wrong",
    99991403: "this month's quota of API calls is used up: raise it, or wait for the next month",
    99991668: "the user access token is invalid: let the agent log in again",
    99991677: "the user access token has expired: let the agent log in again",
    99991672: "the app lacks a scope: add the one named here and publish a version",
    99991679: "the user granted too little: add the scope named here and log in again",
    230002: "the bot is not in this chat",
    230006: "the app's bot ability is switched off",
    230011: "the message was withdrawn",
    230013: "the user is outside the app's availability: extend it in the admin console",
    154001: "the helpdesk takes our credentials not: check helpdesk id, token, and that app and desk share a tenant",
    154003: "the app lacks the helpdesk scopes",
    154004: "the helpdesk does not know this ticket",
    154005: "the helpdesk does not allow this call",
}


class FeishuRefused(GiveUp):
    """Feishu says no for good. `code` is Feishu's, 0 where the answer had none."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def refusal(status: int, code: int, message: str, *, wait_s: float | None, repeatable: bool) -> HuiyingError:
    """The error for an answer that is no success.

    `wait_s` is `x-ogw-ratelimit-reset` in seconds where the answer had one. `repeatable`: asking again is harmless
    even if the call did take effect.
    """
    said = f"Feishu answered {status}, code {code}: {message[:200]}"
    if code in BUSY or status == 429:
        return RetryLater(said, max(wait_s or 0.0, BUSY.get(code, 1.0)))
    if code in TOKEN_REFUSED:
        return RetryLater(said)
    if code in CURES:
        return FeishuRefused(code, f"{CURES[code]} ({said})")
    if status == 503:
        return RetryLater(said, wait_s)
    if status >= 500 or (status == 200 and code < 0):
        return RetryLater(said) if repeatable else FateUnknown(said)
    return FeishuRefused(code, said)
