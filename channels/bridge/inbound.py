"""From a gateway's events to our words; pure. What has the wrong shape is refused, what is unknown is said to be.

Protocol: docs/channels/bridge.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from channels.bridge.account import PLATFORM, BridgeSettings
from channels.bridge.reading import ID_LIMIT, Json, identifier, moment, objects, section, text
from conversation.errors import RefusedInput
from conversation.identity import Person, Room, RoomKind, Speaker
from conversation.messages import Attachment, ContentKind, EventKind, Incoming, IncomingMessage, Quote, RoomEvent
from tools.mention import Mention, from_text

#: Longer texts are cut: nobody asks a question of twenty thousand characters.
TEXT_LIMIT = 20_000
_QUOTE_LIMIT = 2_000
_URL_LIMIT = 2_048
_ATTACHMENTS_LIMIT = 20
_MENTIONS_LIMIT = 100
_MEMBERS_LIMIT = 200

_ROOMS = {"group": RoomKind.GROUP, "direct": RoomKind.DIRECT}
_KINDS = {kind.value: kind for kind in ContentKind if kind is not ContentKind.OTHER}
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `items` are to be kept; where there are none, `ignored` says why.

    `message_id` is the message that it brings, `quoted_id` the one that this answers.
    """

    event_id: str
    items: tuple[Incoming, ...] = ()
    ignored: str = ""
    message_id: str = ""
    quoted_id: str = ""


def translate(payload: Json, settings: BridgeSettings, now: float) -> Event:
    """What an event says; `now` (Unix seconds) stands in for a time that it lacks or that lies ahead of us.

    Raises `RefusedInput` 400 for an event without its ids, its room, its sender or its message.
    """
    event_id = identifier(payload, "event_id", of="event")
    event_type = text(payload, "event_type")
    room = _room(payload, settings.account)
    at = moment(payload.get("occurred_at"), now)
    if event_type == "message.created":
        return _created(payload, event_id, room, at, settings)
    if event_type == "message.recalled":
        message_id = identifier(section(payload, "message"), "id", of="message")
        taken_back = RoomEvent(room, _sender(payload), event_id, EventKind.RECALLED, at, subject=message_id)
        return Event(event_id, (taken_back,))
    if event_type in ("member.joined", "member.left"):
        return _members(payload, event_id, room, at, settings, joined=event_type == "member.joined")
    return Event(event_id, ignored=f"an event of type {event_type!r}")


def of_bot(message: IncomingMessage) -> IncomingMessage:
    """The same message, with what it answers known to be the bot's."""
    return replace(message, quote=replace(message.quote, of_bot=True)) if message.quote else message


def _created(payload: Json, event_id: str, room: Room, at: float, settings: BridgeSettings) -> Event:
    part, sender = section(payload, "message"), _sender(payload)
    message_id = identifier(part, "id", of="message")
    if section(payload, "sender").get("is_self") is True and sender.speaker is not Speaker.STAFF:
        return Event(event_id, ignored="a message of the account itself")
    kind, words = _content(part)
    mention = _mention(part, words, settings)
    quote = _quote(part)
    message = IncomingMessage(
        room=room,
        sender=sender,
        message_id=message_id,
        text=mention.text,
        sent_at=at,
        kind=kind,
        raw_text=words,
        mentions_bot=mention.mentioned,
        mentions_others=mention.others,
        attachments=tuple(_attachments(part)),
        quote=quote,
    )
    return Event(event_id, (message,), message_id=message_id, quoted_id=quote.message_id if quote else "")


def _content(part: Json) -> tuple[ContentKind, str]:
    name, words = text(part, "type", limit=32), text(part, "text", TEXT_LIMIT)
    kind = _KINDS.get(name, ContentKind.OTHER)
    if kind is ContentKind.LINK and not words:
        link = _part(part, "link")
        words = " ".join(one for one in (text(link, "title"), text(link, "url", _URL_LIMIT)) if one)
    if kind is ContentKind.LOCATION and not words:
        words = text(_part(part, "location"), "name")
    if kind is ContentKind.OTHER and not words:
        words = f"[{name or '?'}]"
    return kind, words


def _attachments(part: Json) -> Iterator[Attachment]:
    """What belongs to the message. A file's reference is its address, with its SHA-256 as the fragment where told."""
    for one in objects(part, "attachments", _ATTACHMENTS_LIMIT):
        url = text(one, "url", _URL_LIMIT + 1)
        if not url.startswith(("http://", "https://")) or len(url) > _URL_LIMIT:
            continue
        digest = text(one, "sha256").lower()
        # The sample of a gateway that computes none has 64 zeros.
        proof = f"#sha256={digest}" if _SHA256.fullmatch(digest) and digest.strip("0") else ""
        kind = _KINDS.get(text(one, "kind"), ContentKind.FILE)
        yield Attachment(kind, url.partition("#")[0] + proof, text(one, "name"))
    place = _part(part, "location")
    latitude, longitude = place.get("latitude"), place.get("longitude")
    if isinstance(latitude, int | float) and isinstance(longitude, int | float):
        yield Attachment(ContentKind.LOCATION, f"{latitude},{longitude}", text(place, "name"))


def _mention(part: Json, words: str, settings: BridgeSettings) -> Mention:
    """Whom the line speaks to: the gateway's own list, and what is written; @所有人 is nobody."""
    listed = list(objects(part, "mentions", _MENTIONS_LIMIT))
    ours = [
        one for one in listed if one.get("is_bot") is True or (settings.bot_id and one.get("id") == settings.bot_id)
    ]
    others = [one for one in listed if one not in ours]
    names = [text(one, "display_name") for one in others if text(one, "display_name")]
    bot_name = next((name for one in ours if (name := text(one, "display_name"))), settings.bot_name)
    written = from_text(words, bot_name, names)
    missing = tuple(name for name in dict.fromkeys(names) if name not in written.others)
    return replace(written, mentioned=written.mentioned or bool(ours), others=(*written.others, *missing))


def _quote(part: Json) -> Quote | None:
    """What the message answers: an id, or an object that also tells the words."""
    answered = part.get("reply_to")
    if isinstance(answered, str) and answered:
        return Quote(message_id=answered[:ID_LIMIT].replace("\x00", ""))
    if not isinstance(answered, dict):
        return None
    return Quote(text(answered, "id"), text(answered, "text", _QUOTE_LIMIT), answered.get("is_bot") is True)


def _members(payload: Json, event_id: str, room: Room, at: float, settings: BridgeSettings, *, joined: bool) -> Event:
    """One item for each member we have a word for: everybody who came, and the bot when it went."""
    items: list[Incoming] = []
    for one in objects(payload, "members", _MEMBERS_LIMIT):
        person = Person(identifier(one, "id", of="member"), text(one, "display_name"))
        is_bot = one.get("is_bot") is True or person.person_id == settings.bot_id
        kind = (EventKind.BOT_ADDED if joined else EventKind.BOT_REMOVED) if is_bot else EventKind.ENTERED
        if joined or is_bot:
            items.append(RoomEvent(room, person, f"{event_id}:{person.person_id}", kind, at))
    return Event(event_id, tuple(items), ignored="" if items else "nobody whose coming or going we note")


def _room(payload: Json, account: str) -> Room:
    part = section(payload, "conversation")
    kind = _ROOMS.get(text(part, "type"))
    if kind is None:
        raise RefusedInput('conversation.type must be "group" or "direct"')
    return Room(PLATFORM, account, identifier(part, "id", of="conversation"), kind, text(part, "title"))


def _sender(payload: Json) -> Person:
    part = section(payload, "sender")
    speaker = Speaker.STAFF if part.get("is_staff") is True else Speaker.CUSTOMER
    return Person(identifier(part, "id", of="sender"), text(part, "display_name"), speaker)


def _part(part: Json, name: str) -> Json:
    found = part.get(name)
    return found if isinstance(found, dict) else {}
