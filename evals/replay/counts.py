"""Counts what customers saw, from the platforms' ledgers. Pure: our own tables say only what each turn meant to say.

A reply is known by its words and by the message it is fastened to (Feishu's parent, WeCom's stream or quote): a bubble
that an earlier message opened may well bring the answer to a later one of the same person.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from playground.ledger import Delivery, Message

Lane = tuple[str, str, str]
ARRIVED = frozenset({"answered", "late"})
#: So many letters of a reply tell it from another one; platforms add mentions and change marks.
TELLING = 40
_MARKS = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class Meant:
    """What the turn of a message meant to say; an empty `reply` is silence on purpose."""

    turn_id: str
    reply: str


@dataclass(frozen=True, slots=True)
class Counts:
    """The three that must be 0 are `lost`, `duplicates` and `reordered`; each hit is named in `details`.

    `messages` reached the service; `unheard` were shown in the chat but never delivered (the platform's own rules).
    `silent` got no reply on purpose, `unprompted` are bot messages that answer nothing (reminders, closed bubbles).
    """

    messages: int
    unheard: int
    answered: int
    silent: int
    lost: int
    duplicates: int
    reordered: int
    unprompted: int
    violations: int
    details: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """True when nothing was lost, said twice or said in the wrong order."""
        return not (self.lost or self.duplicates or self.reordered)

    def as_json(self) -> dict[str, Any]:
        """All of it for `--json`."""
        return asdict(self) | {"details": list(self.details), "clean": self.clean}


def count(
    messages: Sequence[Message],
    deliveries: Sequence[Delivery],
    violations: Collection[str],
    *,
    meant: Mapping[str, Meant],
    staff_chats: Collection[str] = (),
) -> Counts:
    """Judges one play. `meant` maps ids of customers' messages to what their turns meant to say."""
    arrivals = _Arrivals()
    arrivals.note(deliveries)
    talk = [one for one in messages if one.chat_id not in staff_chats]
    said = [one for one in talk if one.sender_role == "customer"]
    heard = {one.message_id: one for one in said if one.message_id in arrivals.first}
    replies = [one for one in talk if _is_reply(one)]
    shown, unprompted = _matched(replies, heard, meant)
    silent = [known for known in heard if known in meant and not meant[known].reply]
    lost = [known for known in heard if known not in silent and not _is_answered(heard[known], meant, shown)]
    duplicates = _duplicates(shown, replies, heard)
    reordered = _reordered(shown, heard, meant, arrivals)
    return Counts(
        messages=len(heard),
        unheard=len(said) - len(heard),
        answered=len(heard) - len(silent) - len(lost),
        silent=len(silent),
        lost=len(lost),
        duplicates=len(duplicates),
        reordered=len(reordered),
        unprompted=unprompted,
        violations=len(violations),
        details=(*(f"lost: {_named(heard[known])}" for known in lost), *duplicates, *reordered, *violations),
    )


@dataclass(slots=True)
class _Arrivals:
    """When each message first reached the service, and when the platform first knew that it had."""

    first: dict[str, int] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)

    def note(self, deliveries: Iterable[Delivery]) -> None:
        for place, one in enumerate(deliveries):
            if one.outcome in ARRIVED:
                self.first.setdefault(one.key, place)
            if one.outcome == "answered":
                self.acknowledged.setdefault(one.key, place)

    def surely_before(self, one: str, other: str) -> bool:
        """True when `one` was settled between platform and service before `other` was ever heard of."""
        known = self.acknowledged.get(one)
        return known is not None and known < self.first.get(other, known)


def _is_reply(message: Message) -> bool:
    """A bot message that says something for good: a bubble that is still being written is none."""
    if message.sender_role != "bot" or message.recalled:
        return False
    return message.kind != "stream" or bool(message.extra.get("finish"))


def _matched(
    replies: Sequence[Message], heard: Mapping[str, Message], meant: Mapping[str, Meant]
) -> tuple[dict[str, list[Message]], int]:
    """The bot messages that show each turn's reply, in the order of the chat, and how many show none."""
    turns: dict[Lane, dict[str, str]] = defaultdict(dict)
    for known, message in heard.items():
        if known in meant and meant[known].reply:
            turns[_lane(message)][meant[known].turn_id] = _letters(meant[known].reply)[:TELLING]
    shown: dict[str, list[Message]] = defaultdict(list)
    unprompted = 0
    for reply in sorted(replies, key=lambda one: (one.at, one.seq)):
        target, words = heard.get(reply.reply_to or ""), _letters(reply.text)
        lane = _lane(target) if target else (reply.platform, reply.chat_id, str(reply.extra.get("user_id", "")))
        fitting = [turn for turn, telling in turns[lane].items() if telling in words]
        own = meant[target.message_id].turn_id if target and target.message_id in meant else ""
        # Two turns may say the same: the one that the reply is fastened to comes first, then one not yet shown.
        fitting.sort(key=lambda turn: (turn != own, turn in shown))
        if fitting:
            shown[fitting[0]].append(reply)
        else:
            unprompted += 1
    return shown, unprompted


def _is_answered(message: Message, meant: Mapping[str, Meant], shown: Mapping[str, list[Message]]) -> bool:
    own = meant.get(message.message_id)
    return own is not None and any(reply.seq > message.seq for reply in shown.get(own.turn_id, ()))


def _duplicates(
    shown: Mapping[str, list[Message]], replies: Sequence[Message], heard: Mapping[str, Message]
) -> list[str]:
    hits = []
    for same in shown.values():
        hits += [f"duplicate: {one.message_id} says again {one.text[:20]!r}" for one in same[1:]]
    named = {one.message_id for same in shown.values() for one in same[1:]}
    fastened: dict[str, list[Message]] = defaultdict(list)
    for reply in replies:
        target = reply.reply_to or ""
        if reply.kind != "stream" and target in heard and reply.message_id not in named:
            fastened[target].append(reply)
    for target, several in fastened.items():
        hits += [f"duplicate: {one.message_id} answers {_named(heard[target])} again" for one in several[1:]]
    return hits


def _reordered(
    shown: Mapping[str, list[Message]], heard: Mapping[str, Message], meant: Mapping[str, Meant], arrivals: _Arrivals
) -> list[str]:
    """Replies that stand after, and came after, the reply to a message that was surely said later."""
    lanes: dict[Lane, dict[str, str]] = defaultdict(dict)
    for known, message in heard.items():
        if known in meant and meant[known].turn_id in shown:
            lanes[_lane(message)].setdefault(meant[known].turn_id, known)
    hits = []
    for firsts in lanes.values():
        for turn, first in firsts.items():
            own = shown[turn][0]
            earlier = (
                other
                for later_turn, other in firsts.items()
                if arrivals.surely_before(first, other)
                and shown[later_turn][0].at < own.at
                and shown[later_turn][0].seq < own.seq
            )
            hits += [
                f"reordered: the reply to {_named(heard[first])} came after a later one" for _ in list(earlier)[:1]
            ]
    return hits


def _lane(message: Message) -> Lane:
    return (message.platform, message.chat_id, message.sender)


def _letters(text: str) -> str:
    return _MARKS.sub("", text)


def _named(message: Message) -> str:
    return f"{message.platform} {message.sender_name} {message.message_id} {message.text[:20]!r}"
