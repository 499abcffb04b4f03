"""Rows on group chats: when to speak, who is spoken to, which matter a line belongs to, whose question it repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from agents.gate import LocalGate
from evals.models.arithmetic import f1, rand_index, set_f1
from evals.models.own_rows import JUDGED, CorpusRow, rows
from evals.models.surface import asks
from evals.models.table import Figure, Row
from evals.predict.options import PredictOptions
from evals.predict.room_tasks import topics

#: The bot answers customers and strangers, never itself or its colleagues.
HEARD = frozenset({"customer", "other"})

Places = dict[int, dict[str, Any]]
#: The number of a room and two of its lines.
Link = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Room:
    lines: list[CorpusRow]
    places: Places

    @property
    def heard(self) -> list[CorpusRow]:
        """The lines that the bot may answer."""
        return [line for line in self.lines if line["role"] in HEARD]


def room_rows() -> Iterator[Row]:
    """Four rows per split, and one on the gate's ear."""
    with ExitStack() as stack:
        judge = topics(PredictOptions(), stack)
        for split in JUDGED:
            yield from _of_rooms(split, [_placed(room, judge) for room in rows("rooms", split)])


def _placed(room: CorpusRow, judge: Callable[[dict[str, Any]], dict[str, Any]]) -> _Room:
    shown = {"room": {"bot_name": room["bot_name"]}, "lines": [_as_heard(line) for line in room["lines"]]}
    return _Room(room["lines"], {place["n"]: place for place in judge(shown)["lines"]})


def _as_heard(line: CorpusRow) -> CorpusRow:
    """What a platform tells of a line; the labels stay behind."""
    return {key: line[key] for key in ("n", "speaker", "role", "t", "mentions", "reply_to", "text")}


def _of_rooms(split: str, found: list[_Room]) -> Iterator[Row]:
    on = f"rooms {split}, {len(found)} rooms"
    heard = [(line, room.places[line["n"]]) for room in found for line in room.heard]
    for what, label, place in (("speak", "speak", "speak"), ("spoken to the bot", "to_bot", "addressed_to_bot")):
        wanted = [bool(line[label]) for line, _ in heard]
        said = [bool(one[place]) for _, one in heard]
        yield Row(what, on, len(heard), (Figure("F1", f1(wanted, said)),), _trivial(wanted, heard))
    matters = [_topics(room) for room in found]
    figures = (
        Figure("ARI", float(np.mean([rand_index(wanted, said) for wanted, said in matters]))),
        Figure("F1 of pairs", set_f1(*_together(matters))),
    )
    alone = float(np.mean([rand_index(wanted, [1] * len(wanted)) for wanted, _ in matters]))
    joined = set_f1(*_together([(wanted, [1] * len(wanted)) for wanted, _ in matters]))
    bare = (Figure("one topic: ARI", alone), Figure("F1 of pairs", joined))
    yield Row("topics", on, sum(len(wanted) for wanted, _ in matters), figures, bare)
    yield _repeats(on, found)
    yield _ear(on, heard)


def _trivial(wanted: list[bool], heard: list[tuple[CorpusRow, dict[str, Any]]]) -> tuple[Figure, ...]:
    marked = [asks(line["text"]) for line, _ in heard]
    return (Figure("always", f1(wanted, [True] * len(wanted))), Figure("question mark", f1(wanted, marked)))


def _topics(room: _Room) -> tuple[list[int], list[int]]:
    """The true and the found topic of every line that has a true one; 0 is noise."""
    kept = [line for line in room.lines if line["topic"]]
    return [line["topic"] for line in kept], [room.places[line["n"]]["topic"] or -line["n"] for line in kept]


def _together(matters: list[tuple[list[int], list[int]]]) -> tuple[set[Link], set[Link]]:
    wanted: set[Link] = set()
    said: set[Link] = set()
    for number, both in enumerate(matters):
        for kept, groups in zip((wanted, said), both, strict=True):
            kept |= {(number, a, b) for a, b in combinations(range(len(groups)), 2) if groups[a] == groups[b]}
    return wanted, said


def _repeats(on: str, found: list[_Room]) -> Row:
    wanted: set[Link] = set()
    said: set[Link] = set()
    for number, room in enumerate(found):
        for line in room.heard:
            told = room.places[line["n"]]["duplicate_of"]
            wanted |= {(number, line["n"], line["duplicate_of"])} if line["duplicate_of"] else set()
            said |= {(number, line["n"], told)} if told is not None else set()
    figures = (Figure("F1 of links", set_f1(wanted, said)), Figure("found", float(len(said)), form=".0f"))
    return Row("repeated questions", on, len(wanted), figures, (Figure("never", set_f1(wanted, set())),))


def _ear(on: str, heard: list[tuple[CorpusRow, dict[str, Any]]]) -> Row:
    gate = LocalGate.shipped()
    wanted = [bool(line["speak"] or line["to_bot"]) for line, _ in heard]
    said = [gate.sounds(line["text"]) >= 0.5 for line, _ in heard]
    figures = (Figure("F1", f1(wanted, said)),)
    return Row("said to the company, by its words", on, len(heard), figures, _trivial(wanted, heard))
