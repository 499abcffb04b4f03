"""Feishu events into our words: messages, room events, pressed cards. Pure; between `envelope` and the inbox.

Protocol: https://open.feishu.cn/document/server-docs/im-v1/message/events/receive and its neighbours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from channels.feishu.contents import read_content
from channels.feishu.envelope import Event
from channels.feishu.helpdesk_events import ticket_event, ticket_message_event
from channels.feishu.recent import Place
from channels.feishu.settings import PLATFORM
from channels.feishu.topics import topic_room
from channels.feishu.translation import Ignored, Terms, moment_of, must
from conversation.card_press import CardPress
from conversation.identity import Person, Room, RoomKind, Speaker
from conversation.messages import EventKind, IncomingMessage, Quote, RoomEvent
from tools.feishu_values import as_dict, as_list, as_text, moment
from tools.mention import from_feishu

#: https://open.feishu.cn/document/server-docs/im-v1/message-reaction/emojis-introduce, lower case
LIKES = frozenset({"thumbsup", "jiayi", "heart", "thanks", "applause", "fingerheart", "praise"})
DISLIKES = frozenset({"thumbsdown", "minusone"})


@dataclass(frozen=True, slots=True)
class PressedCard:
    """A pressed button, and Feishu's token that updates this card for 30 minutes (at most twice)."""

    press: CardPress
    update_token: str


Translated = IncomingMessage | RoomEvent | PressedCard | Ignored


def translate(event: Event, terms: Terms) -> Translated:
    """What an event means to us. Raises `RefusedInput` (400) when a part without which it means nothing is missing."""
    translator = _TRANSLATORS.get(event.type)
    return translator(event, terms) if translator else Ignored(f"event type {event.type or 'unknown'}")


def needs_bot_id(event: Event) -> bool:
    """Whether `Terms.bot_open_id` decides what this event means: it mentions somebody."""
    return event.type == "im.message.receive_v1" and bool(as_list(as_dict(event.body.get("message")).get("mentions")))


def chat_in_question(event: Event) -> str:
    """The group of which it must be known whether it keeps topics (`Terms.keeps_topics`); empty where that is clear."""
    said = as_dict(event.body.get("message"))
    in_thread = event.type == "im.message.receive_v1" and said.get("chat_type") == "group" and said.get("thread_id")
    return as_text(said.get("chat_id")) if in_thread else ""


def message_in_question(event: Event) -> str:
    """The message of which `Terms.place_of` decides what this event means; empty for other events."""
    judged = event.type == "im.message.reaction.created_v1" and _judges(event)
    return as_text(event.body.get("message_id")) if judged or event.type == "im.message.recalled_v1" else ""


def _message(event: Event, terms: Terms) -> Translated:
    sender, said = as_dict(event.body.get("sender")), as_dict(event.body.get("message"))
    if as_text(sender.get("sender_type")) in ("app", "bot"):
        return Ignored("spoken by an app")
    if as_text(said.get("message_type")) == "system":
        return Ignored("a line of the platform itself")
    open_id = _any_id(sender.get("sender_id"))
    if not open_id:
        return Ignored("the sender has no id")
    message_id, chat_id = must(said, "message_id"), must(said, "chat_id")
    content = read_content(as_text(said.get("message_type")), said.get("content"), message_id)
    mentions = [as_dict(entry) for entry in as_list(said.get("mentions"))]
    heard = from_feishu(content.text, mentions, terms.bot_open_id)
    room, root_id = _room_and_thread(said, terms.room(chat_id, _kind(said.get("chat_type"))), terms)
    return IncomingMessage(
        room=room,
        sender=Person(open_id, speaker=terms.speaker_in(chat_id)),
        message_id=message_id,
        text=heard.text,
        sent_at=moment(said.get("create_time")) or moment_of(event, terms),
        kind=content.kind,
        raw_text=content.text,
        mentions_bot=heard.mentioned,
        mentions_others=heard.others,
        attachments=content.attachments,
        quote=_quote(said, terms),
        thread_id=root_id,
        # So that words which answer no message, such as those of staff, get into the same thread.
        reply_handle={"thread": root_id} if root_id else {},
    )


def _room_and_thread(said: dict[str, Any], room: Room, terms: Terms) -> tuple[Room, str]:
    """Where a message stands, and the first message of its thread; empty where it stands in no thread."""
    root_id, threaded = as_text(said.get("root_id")), bool(said.get("thread_id"))
    if terms.speaker_in(room.chat_id) is Speaker.STAFF:
        # Staff may answer a card by a plain quote: that is meant for its customer too.
        return room, root_id
    if room.kind is RoomKind.GROUP and (said.get("chat_type") == "topic_group" or (threaded and terms.keeps_topics)):
        root_id = root_id or as_text(said.get("message_id"))
        return topic_room(room, root_id), root_id
    # An answer to a plain quote that was sent "in the thread" would open one.
    return room, root_id if threaded else ""


def _quote(said: dict[str, Any], terms: Terms) -> Quote | None:
    parent_id = as_text(said.get("parent_id"))
    if not parent_id:
        return None
    place = terms.place_of(parent_id)
    if place is None:
        return Quote(parent_id)
    return Quote(parent_id, place.text, place.person.speaker is Speaker.BOT)


def _reaction(event: Event, terms: Terms) -> Translated:
    body = event.body
    if not _judges(event):
        return Ignored("a reaction that judges nothing, or an app's own")
    emoji, open_id, message_id = _emoji(event), _any_id(body.get("user_id")), must(body, "message_id")
    place = terms.place_of(message_id)
    if place is not None and place.person.speaker is not Speaker.BOT:
        return Ignored("a reaction to somebody else's words")
    place = place or _own_room(open_id, terms)
    return RoomEvent(
        room=place.room,
        sender=Person(open_id, speaker=terms.speaker_in(place.room.chat_id)),
        event_id=_event_id(event),
        kind=EventKind.LIKED if emoji in LIKES else EventKind.DISLIKED,
        at=moment(body.get("action_time")) or moment_of(event, terms),
        subject=message_id,
        detail={"emoji": emoji},
    )


def _emoji(event: Event) -> str:
    return as_text(as_dict(event.body.get("reaction_type")).get("emoji_type")).lower()


def _judges(event: Event) -> bool:
    """Whether a reaction says what a person thinks of a message."""
    by_app = as_text(event.body.get("operator_type")) == "app" or not _any_id(event.body.get("user_id"))
    return not by_app and _emoji(event) in LIKES | DISLIKES


def _own_room(open_id: str, terms: Terms) -> Place:
    """A reaction names no chat: for a message that nobody knows any more it stands for the person's own room."""
    return Place(terms.room(open_id, RoomKind.DIRECT), Person(open_id))


def _recalled(event: Event, terms: Terms) -> Translated:
    chat_id, message_id = must(event.body, "chat_id"), must(event.body, "message_id")
    # The event names neither the author nor the kind of chat; we know them while we remember the message. Without,
    # a private chat's lane can still be named, a group's cannot.
    place = terms.place_of(message_id) or Place(terms.room(chat_id, RoomKind.DIRECT), Person(""))
    return RoomEvent(
        room=place.room,
        sender=place.person,
        event_id=_event_id(event),
        kind=EventKind.RECALLED,
        at=moment(event.body.get("recall_time")) or moment_of(event, terms),
        subject=message_id,
        detail={"recall_type": as_text(event.body.get("recall_type"))},
    )


def _in_room(kind: EventKind, room_kind: RoomKind) -> Callable[[Event, Terms], Translated]:
    def translator(event: Event, terms: Terms) -> Translated:
        chat_id = must(event.body, "chat_id")
        return RoomEvent(
            room=terms.room(chat_id, room_kind, as_text(event.body.get("name"))),
            sender=Person(_any_id(event.body.get("operator_id")), speaker=terms.speaker_in(chat_id)),
            event_id=_event_id(event),
            kind=kind,
            at=moment_of(event, terms),
        )

    return translator


def _pressed(event: Event, terms: Terms) -> Translated:
    body, action = event.body, as_dict(event.body.get("action"))
    context = as_dict(body.get("context"))
    chat_id, token = as_text(context.get("open_chat_id")), as_text(body.get("token"))
    press = CardPress(
        platform=PLATFORM,
        account=terms.account,
        chat_id=chat_id,
        card_message_id=as_text(context.get("open_message_id")),
        operator=Person(_any_id(body.get("operator")), speaker=terms.speaker_in(chat_id)),
        value=_pressed_value(action),
        press_id=_press_id(token, action) if token else _event_id(event),
    )
    return PressedCard(press, token)


def _pressed_value(action: dict[str, Any]) -> dict[str, str]:
    """The button's value with the form's fields under it: what a person typed never replaces what we wrote."""
    filled = {**as_dict(action.get("form_value"))}
    for name in ("input_value", "option"):
        if as_text(action.get(name)):
            filled[name] = action[name]
    value = action.get("value")
    ours = value if isinstance(value, dict) else {"value": value} if as_text(value) else {}
    return {str(name): _plain(one) for name, one in {**filled, **ours}.items()}


def _plain(value: object) -> str:
    return as_text(value) if isinstance(value, str) else orjson.dumps(value).decode()


def _press_id(token: str, action: dict[str, Any]) -> str:
    # Hashed, for the token itself would let its reader change the card.
    return hashlib.sha256(token.encode() + orjson.dumps(action, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _event_id(event: Event) -> str:
    return must({"event_id": event.event_id}, "event_id")


def _kind(chat_type: object) -> RoomKind:
    return RoomKind.DIRECT if chat_type == "p2p" else RoomKind.GROUP


def _any_id(ids: object) -> str:
    """The open_id; user_id and union_id are there in its stead when the app has no right to it."""
    known = as_dict(ids)
    return next((as_text(known.get(name)) for name in ("open_id", "user_id", "union_id") if known.get(name)), "")


_TRANSLATORS: dict[str, Callable[[Event, Terms], Translated]] = {
    "im.message.receive_v1": _message,
    "im.message.reaction.created_v1": _reaction,
    "im.message.recalled_v1": _recalled,
    "im.chat.member.bot.added_v1": _in_room(EventKind.BOT_ADDED, RoomKind.GROUP),
    "im.chat.member.bot.deleted_v1": _in_room(EventKind.BOT_REMOVED, RoomKind.GROUP),
    "im.chat.access_event.bot_p2p_chat_entered_v1": _in_room(EventKind.ENTERED, RoomKind.DIRECT),
    "card.action.trigger": _pressed,
    "helpdesk.ticket.created_v1": ticket_event,
    "helpdesk.ticket.updated_v1": ticket_event,
    "helpdesk.ticket_message.created_v1": ticket_message_event,
}
