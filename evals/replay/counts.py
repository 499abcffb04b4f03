"""Counts what customers saw, from the platforms' ledgers. Pure: our own tables say only which messages were one turn.

A reply answers the message that it is fastened to (Feishu's parent, WeCom's stream or quote) and, with it, the burst
that message was thought in, as far as the burst had been said when the reply took its last form.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from playground.ledger import Delivery, Message

Lane = tuple[str, str, str]
ARRIVED = frozenset({"answered", "late"})


@dataclass(frozen=True, slots=True)
class Counts:
    """The three that must be 0 are `lost`, `duplicates` and `reordered`; each hit is named in `details`.

    `messages` reached the service; `unheard` were shown in the chat but never delivered (the platform's own rules).
    `silent` got no reply on purpose, `unprompted` are bot messages that answer nothing (reminders, notices).
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


def count(
    messages: Sequence[Message],
    deliveries: Sequence[Delivery],
    violations: Collection[str],
    *,
    turns: Mapping[str, str],
    silent: Collection[str],
    staff_chats: Collection[str] = (),
) -> Counts:
    """Judges one play. `turns` maps message ids to turn ids; `silent` are those whose turn said nothing on purpose."""
    arrivals = _Arrivals()
    arrivals.note(deliveries)
    talk = [one for one in messages if one.chat_id not in staff_chats]
    said = [one for one in talk if one.sender_role == "customer"]
    heard = {one.message_id: one for one in said if one.message_id in arrivals.first}
    replies = [one for one in talk if _is_reply(one)]
    fastened = _fastened(replies, heard)
    duplicates = _duplicates(fastened, heard, turns)
    reordered = _reordered(fastened, heard, arrivals)
    answered = {known for known in heard if _is_answered(known, heard, fastened, turns)}
    quiet = {known for known in heard if known not in answered and known in silent}
    lost = [one for known, one in heard.items() if known not in answered and known not in quiet]
    return Counts(
        messages=len(heard),
        unheard=len(said) - len(heard),
        answered=len(answered),
        silent=len(quiet),
        lost=len(lost),
        duplicates=len(duplicates),
        reordered=len(reordered),
        unprompted=len(replies) - sum(map(len, fastened.values())),
        violations=len(violations),
        details=(*(f"lost: {_shown(one)}" for one in lost), *duplicates, *reordered, *violations),
    )


def _is_reply(message: Message) -> bool:
    """A bot message that says something for good: a bubble that is still being written is none."""
    if message.sender_role != "bot" or message.recalled:
        return False
    return message.kind != "stream" or bool(message.extra.get("finish"))


def _fastened(replies: Sequence[Message], heard: Mapping[str, Message]) -> dict[str, list[Message]]:
    """The replies to each message, in the order of the chat.

    WeCom fastens nothing in a chat of two: such a reply belongs to the newest message said before it there.
    """
    found: dict[str, list[Message]] = defaultdict(list)
    for reply in replies:
        target = reply.reply_to if reply.reply_to in heard else None
        if target is None and reply.platform == "wecom":
            mine = [
                one
                for one in heard.values()
                if one.chat_id == reply.chat_id and one.sender == reply.extra.get("user_id") and one.at <= reply.at
            ]
            target = mine[-1].message_id if mine else None
        if target is not None:
            found[target].append(reply)
    return found


def _duplicates(
    fastened: Mapping[str, list[Message]], heard: Mapping[str, Message], turns: Mapping[str, str]
) -> list[str]:
    by_turn: dict[str, list[Message]] = defaultdict(list)
    for known, replies in fastened.items():
        by_turn[turns.get(known, known)].extend(replies)
    hits = []
    for turn, replies in by_turn.items():
        # A bubble of its own for every message of a burst is the platform's form; the same words twice never are.
        bubbles = {one.reply_to for one in replies if one.kind == "stream"}
        extra = len(replies) - max(1, len(bubbles))
        words = [one.text for one in replies]
        extra = max(extra, len(words) - len(set(words)))
        if extra > 0:
            first = next(known for known in fastened if turns.get(known, known) == turn)
            hits += [f"duplicate: {len(replies)} replies to {_shown(heard[first])}"] * extra
    return hits


def _reordered(fastened: Mapping[str, list[Message]], heard: Mapping[str, Message], arrivals: _Arrivals) -> list[str]:
    place = {one.message_id: number for number, one in enumerate(_in_chat_order(fastened))}
    lanes: dict[Lane, list[tuple[int, str]]] = defaultdict(list)
    for known, replies in fastened.items():
        lanes[_lane(heard[known])].extend((place[reply.message_id], known) for reply in replies)
    hits = []
    for shown in lanes.values():
        targets = [known for _, known in sorted(shown)]
        for at, later in enumerate(targets):
            if any(arrivals.surely_before(later, earlier) for earlier in targets[:at]):
                hits.append(f"reordered: the reply to {_shown(heard[later])} came after one to a later message")
    return hits


def _in_chat_order(fastened: Mapping[str, list[Message]]) -> list[Message]:
    # `at` is when a message or bubble first appeared; `seq` moves when a bubble is rewritten in its place.
    return sorted((one for replies in fastened.values() for one in replies), key=lambda one: (one.at, one.seq))


def _is_answered(
    known: str, heard: Mapping[str, Message], fastened: Mapping[str, list[Message]], turns: Mapping[str, str]
) -> bool:
    turn = turns.get(known)
    burst = [other for other in heard if turn is not None and turns.get(other) == turn] or [known]
    return any(reply.seq > heard[known].seq for other in burst for reply in fastened.get(other, ()))


def _lane(message: Message) -> Lane:
    return (message.platform, message.chat_id, message.sender)


def _shown(message: Message) -> str:
    return f"{message.platform} {message.sender_name} {message.message_id} {message.text[:20]!r}"
