"""The way out when a customer's window has closed: a template or subscription message, where the account has one.

Protocol: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Template_Message_Interface.html,
https://developers.weixin.qq.com/doc/offiaccount/Subscription_Messages/api.html (公众号),
https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class NoticeKind(StrEnum):
    """Which call sends it."""

    TEMPLATE = "template"
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True)
class Notice:
    """A message that tells a customer of an answer when nothing else may be sent.

    `words_field` of the template takes the answer's words, at most `field_limit` characters (a `thing` takes 20).
    `fixed` are its other fields. `link` is the web page, or the page of a 小程序, that a tap on it opens.
    """

    template_id: str
    words_field: str
    kind: NoticeKind = NoticeKind.TEMPLATE
    field_limit: int = 20
    fixed: Mapping[str, str] = field(default_factory=dict)
    link: str = ""

    def holds(self, words: str) -> bool:
        """Whether the notice says it all."""
        return len(words) <= self.field_limit

    def body(self, openid: str, words: str, message_id: str) -> dict[str, Any]:
        """The call's body for one customer; a template message is known again by `message_id` (10 minutes)."""
        shown = words if self.holds(words) else words[: self.field_limit - 1] + "…"
        values = {name: {"value": value} for name, value in {**self.fixed, self.words_field: shown}.items()}
        call: dict[str, Any] = {"touser": openid, "template_id": self.template_id}
        if self.link:
            call["url" if self.kind is NoticeKind.TEMPLATE else "page"] = self.link
        if self.kind is NoticeKind.TEMPLATE:
            call["client_msg_id"] = message_id
        return {**call, "data": values}
