"""The events among the rows of sync_msg: somebody opened the chat, staff came or went, a message failed. Pure.

Protocol: https://developer.work.weixin.qq.com/document/path/94670
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from channels.wecom_kf.account import Chat
from channels.wecom_kf.contents import moment_of, words_at
from channels.wecom_kf.outbound import first_msgid
from conversation.identity import Person, Speaker
from conversation.messages import EventKind, RoomEvent

#: Seconds for which the code of an event lets us answer it: document/path/95122.
WELCOME_S, JOINED_S, ENDED_S = 20.0, 48 * 3600.0, 20.0

#: Why a message that the platform took did not arrive.
_FAILURES = {
    "0": "unknown",
    "1": "account_deleted",
    "2": "app_closed",
    "4": "over_48_hours",
    "5": "conversation_closed",
    "6": "over_5_messages",
    "8": "company_not_verified",
    "10": "customer_refuses",
    "11": "nobody_signed_in",
    "12": "kind_forbidden",
    "13": "security",
}
_CHANGES = {"1": "from_pool", "2": "transferred", "3": "ended", "4": "rejoined"}


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Something that we have no words for; `reason` and `message_id` are for our log."""

    reason: str
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class _Event:
    """What all events share. `part` is the platform's own description."""

    event_id: str
    at: float
    account: str
    chat: Chat
    part: Mapping[str, Any]

    def said(self, name: str) -> str:
        return words_at(self.part, name)

    def room_event(
        self,
        kind: EventKind,
        sender: Person,
        *,
        subject: str = "",
        detail: Mapping[str, str] | None = None,
        code: str = "",
        code_s: float = 0.0,
    ) -> RoomEvent:
        """`code` answers the event for `code_s` seconds."""
        handle = {"code": code, "code_expires": str(int(self.at + code_s))} if code else {}
        told = {name: words for name, words in (detail or {}).items() if words}
        room = self.chat.room(self.account)
        return RoomEvent(room, sender, self.event_id, kind, self.at, subject, told, handle)


def translate_event(message: Mapping[str, Any], *, account: str, open_kfid: str, now: float) -> RoomEvent | Unsupported:
    """What an event says. The account and the customer may stand inside the event or beside it."""
    found = message.get("event")
    part: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    event_id, event_type = words_at(message, "msgid"), words_at(part, "event_type")
    customer_id = words_at(part, "external_userid") or words_at(message, "external_userid")
    translator = _TRANSLATORS.get(event_type)
    if translator is None or not customer_id or not event_id:
        return Unsupported(_named(event_type, part), event_id)
    account_id = words_at(part, "open_kfid") or words_at(message, "open_kfid") or open_kfid
    chat = Chat(account_id, customer_id)
    return translator(_Event(event_id, moment_of(message, now), account, chat, part))


def _entered(event: _Event) -> RoomEvent:
    detail = {name: event.said(name) for name in ("scene", "scene_param")}
    detail["wechat_channels"] = words_at(event.part, "wechat_channels", "nickname")
    customer, code = Person(event.chat.external_userid), event.said("welcome_code")
    return event.room_event(EventKind.ENTERED, customer, detail=detail, code=code, code_s=WELCOME_S)


def _failed(event: _Event) -> RoomEvent:
    fail_type = event.said("fail_type")
    detail = {"msgid": event.said("fail_msgid"), "fail_type": fail_type, "reason": _FAILURES.get(fail_type, "unknown")}
    subject = first_msgid(event.said("fail_msgid"))
    return event.room_event(EventKind.UNDELIVERED, Person(event.chat.external_userid), subject=subject, detail=detail)


def _changed_hands(event: _Event) -> RoomEvent | Unsupported:
    change = _CHANGES.get(event.said("change_type"), "")
    before, after, code = (event.said(n) for n in ("old_servicer_userid", "new_servicer_userid", "msg_code"))
    detail = {"change": change, "from": before, "to": after}
    if change == "ended":
        staff = Person(before, speaker=Speaker.STAFF)
        return event.room_event(EventKind.STAFF_LEFT, staff, detail=detail, code=code, code_s=ENDED_S)
    if not change or not after:
        return Unsupported(_named("session_status_change", event.part), event.event_id)
    staff = Person(after, speaker=Speaker.STAFF)
    return event.room_event(EventKind.STAFF_JOINED, staff, detail=detail, code=code, code_s=JOINED_S)


def _recalled_by_customer(event: _Event) -> RoomEvent:
    customer = Person(event.chat.external_userid)
    return event.room_event(EventKind.RECALLED, customer, subject=event.said("recall_msgid"))


def _recalled_by_staff(event: _Event) -> RoomEvent:
    staff = Person(event.said("servicer_userid"), speaker=Speaker.STAFF)
    return event.room_event(EventKind.RECALLED, staff, subject=event.said("recall_msgid"))


def _named(event_type: str, part: Mapping[str, Any]) -> str:
    """What an event of the account alone, or of an unknown kind, is about; ids and numbers only."""
    about = ("servicer_userid", "status", "stop_type", "reject_switch", "change_type", "external_userid")
    told = (f"{name}={words_at(part, name)[:64]}" for name in about if words_at(part, name))
    return " ".join([f"event {event_type[:64] or 'without a type'}", *told])


_TRANSLATORS: dict[str, Callable[[_Event], RoomEvent | Unsupported]] = {
    "enter_session": _entered,
    "msg_send_fail": _failed,
    "session_status_change": _changed_hands,
    "user_recall_msg": _recalled_by_customer,
    "servicer_recall_msg": _recalled_by_staff,
}
