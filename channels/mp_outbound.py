"""From our words to customer-service messages that 公众号 and 小程序 both have; pure.

Protocol: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels.mp_callback import text_of
from channels.text_parts import plain_of, split_text
from conversation.messages import Attachment, ContentKind, OutgoingMessage

#: Bytes of UTF-8 in one text; longer ones are refused with 45002.
TEXT_LIMIT = 2048

Json = dict[str, Any]
#: The body of one attachment; None for what the platform cannot show.
Attach = Callable[[Attachment], Json | None]


@dataclass(frozen=True, slots=True)
class Bodies:
    """The calls that a message is made of, in order; `words` are those of its text, `unsendable` the kinds left out."""

    calls: tuple[Json, ...]
    words: str
    unsendable: tuple[str, ...] = ()

    @property
    def one_text(self) -> bool:
        """Whether it is one text and nothing else."""
        return len(self.calls) == 1 and self.calls[0]["msgtype"] == "text" and not self.unsendable


def bodies_of(message: OutgoingMessage, attach: Attach) -> Bodies:
    """What a message is sent as: its words in texts within the limit, a card as words, then its attachments."""
    words = plain_of(message.card.as_text() if message.card else message.text).strip()
    texts = [text_body(part) for part in split_text(words, TEXT_LIMIT)]
    shown = [(one, attach(one)) for one in message.attachments]
    files = [body for _, body in shown if body is not None]
    return Bodies((*texts, *files), words, tuple(one.kind.value for one, body in shown if body is None))


def text_body(words: str) -> Json:
    """One text."""
    return {"msgtype": "text", "text": {"content": words}}


def media_body(attachment: Attachment) -> Json | None:
    """A file that lies at the platform: the attachment's reference is its media id."""
    names = {ContentKind.IMAGE: "image", ContentKind.VOICE: "voice", ContentKind.VIDEO: "video"}
    name = names.get(attachment.kind)
    if name is None:
        return None
    title = {"title": attachment.name} if name == "video" and attachment.name else {}
    return {"msgtype": name, name: {"media_id": attachment.reference, **title}}


def with_persona(bodies: Sequence[Json], kf_account: str) -> list[Json]:
    """The bodies as said by one of the account's 客服 personas, where one is named."""
    persona = {"customservice": {"kf_account": kf_account}} if kf_account else {}
    return [{**body, **persona} for body in bodies]


def passive(fields: Mapping[str, Any], now: float, msgtype: str, **content: Any) -> Json:
    """A passive reply to the callback `fields`; `now` is Unix seconds."""
    return {
        "ToUserName": text_of(fields, "FromUserName"),
        "FromUserName": text_of(fields, "ToUserName"),
        "CreateTime": int(now),
        "MsgType": msgtype,
        **content,
    }


def transfer(fields: Mapping[str, Any], now: float, kf_account: str = "") -> Json:
    """The passive reply that hands this and the following messages to WeChat's own 客服 tool."""
    person = {"TransInfo": {"KfAccount": kf_account}} if kf_account else {}
    return passive(fields, now, "transfer_customer_service", **person)
