"""From what the page posts to our words; pure. Whatever is odd is refused with a word that the page understands."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import orjson

from channels.web_widget.account import LONGEST_WAIT_S, PLATFORM
from channels.web_widget.refusal import WidgetRefusal
from conversation.identity import Person, Room, RoomKind
from conversation.messages import Attachment, ContentKind, IncomingMessage

_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LARGEST_SEQ = 2**31 - 1
_NAME_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Call:
    """A call's JSON object, and the bytes after its first line where a picture comes along."""

    fields: dict[str, Any]
    content: bytes = b""

    @property
    def token(self) -> object:
        """What the visitor claims to be."""
        return self.fields.get("token")

    def whole_number(self, name: str) -> int:
        """A number that is not negative; 0 where there is none. Raises `WidgetRefusal`."""
        value = self.fields.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST_SEQ:
            raise WidgetRefusal("bad", f"{name} is no number of a line")
        return value

    @property
    def wait_s(self) -> float:
        """How long the page is ready to wait for news, in seconds."""
        value = self.fields.get("wait", 0)
        fits = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        return min(float(value), LONGEST_WAIT_S) if fits else 0.0


def read_call(body: bytes, *, with_content: bool = False) -> Call:
    """A call. With a picture, its JSON is the first line and the picture is the rest. Raises `WidgetRefusal`."""
    head, _, content = body.partition(b"\n") if with_content else (body, b"", b"")
    try:
        fields = orjson.loads(head)
    except orjson.JSONDecodeError as broken:
        raise WidgetRefusal("bad", f"the body is no JSON: {broken.msg}") from None
    if not isinstance(fields, dict):
        raise WidgetRefusal("bad", "the body is no JSON object")
    return Call(fields, content)


def message_id_of(call: Call, visitor_id: str) -> str:
    """The platform message id: the page's own id under the visitor's name, so that nobody can use up another's."""
    client_id = call.fields.get("id")
    if not isinstance(client_id, str) or not _MESSAGE_ID.fullmatch(client_id):
        raise WidgetRefusal("bad", "id is not 8 to 64 letters, digits, - or _")
    return f"{visitor_id}.{client_id}"


def text_message(call: Call, visitor_id: str, *, account: str, max_text: int, now: float) -> IncomingMessage:
    """What a visitor wrote. Raises `WidgetRefusal`: no text, too long, no id."""
    message_id, text = message_id_of(call, visitor_id), call.fields.get("text")
    if not isinstance(text, str):
        raise WidgetRefusal("bad", "text is no text")
    text = text.replace("\x00", "").strip()
    if not text:
        raise WidgetRefusal("empty", "a message without words")
    if len(text) > max_text:
        raise WidgetRefusal("too_long", f"a message longer than {max_text} characters", 413)
    return IncomingMessage(
        room=room_of(account, visitor_id),
        sender=person_of(visitor_id),
        message_id=message_id,
        text=text,
        raw_text=text,
        sent_at=now,
        # The page shows that an answer is being written: a silent turn has to end that.
        awaits=True,
    )


def picture_message(call: Call, visitor_id: str, *, account: str, now: float) -> IncomingMessage:
    """A picture that a visitor sent; its reference is the key of `pictures`."""
    message_id, name = message_id_of(call, visitor_id), call.fields.get("name")
    shown = re.sub(r"[\x00-\x1f/\\]", "", name)[:_NAME_LIMIT] if isinstance(name, str) else ""
    return IncomingMessage(
        room=room_of(account, visitor_id),
        sender=person_of(visitor_id),
        message_id=message_id,
        text="",
        sent_at=now,
        kind=ContentKind.IMAGE,
        attachments=(Attachment(ContentKind.IMAGE, picture_key(message_id), shown),),
        awaits=True,
    )


def picture_key(message_id: str) -> str:
    """The key of the picture in a message: nobody outside can guess or choose it."""
    return "wp" + hashlib.blake2b(message_id.encode(), digest_size=20).hexdigest()


def room_of(account: str, visitor_id: str) -> Room:
    """A visitor's own chat."""
    return Room(PLATFORM, account, visitor_id, RoomKind.DIRECT)


def person_of(visitor_id: str) -> Person:
    """A visitor, under a name by which staff can tell visitors apart."""
    return Person(visitor_id, f"访客{visitor_id[-4:]}")
