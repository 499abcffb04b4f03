"""Asks a knowledge base of yours through the signed WeCom webhook: `python -m evals.webhook_questions KB QUERIES`.

KB rows: `doc_id` and any of text, title, question, answer, similar. QUERIES rows: `qid`, `text`, `gold` [doc_id…],
`answerable` (0 or 1). Both are JSON lines, `.gz` read too; they are read from where they lie and kept nowhere.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from conversation.errors import HuiyingError
from evals.bench.figures import percentile
from evals.retrieval_sets import read_rows
from evals.rig.asking import Asking, asking
from evals.rig.beside import SceneTerms, scene
from evals.rig.scratch_folder import scratch_folder
from evals.rig.turns_seen import TurnSeen
from evals.suites.figures import Found, question_figures
from evals.suites.run import NO_HOLD, found
from telemetry import configure_logging

#: Fewer conversations at once than turn slots: what is timed is a turn, not a queue.
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Query:
    """A question, the documents that answer it, and whether the base holds an answer at all."""

    qid: str
    text: str
    gold: frozenset[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its turn, and the seconds from the webhook to the finished turn."""

    query: Query
    turn: TurnSeen | None
    seconds: float

    @property
    def found(self) -> Found:
        """What the question came to."""
        return found(self.query.gold, self.turn)


def queries_of(rows: Sequence[Mapping[str, Any]], limit: int | None = None) -> list[Query]:
    """The first `limit` rows as queries; one that is said to be unanswerable has no right documents."""
    return [
        Query(
            str(row["qid"]), str(row["text"]), frozenset(map(str, row.get("gold") or ())) if _held(row) else frozenset()
        )
        for row in rows[:limit]
    ]


def _held(row: Mapping[str, Any]) -> bool:
    return bool(row.get("answerable", bool(row.get("gold"))))


def figures_of(asked: Sequence[Asked]) -> dict[str, float]:
    """The figures of a run; times in milliseconds."""
    times = [one.seconds * 1000 for one in asked]
    return {
        "questions": len(asked),
        "without_turn": sum(one.turn is None for one in asked),
        **question_figures([one.found for one in asked]),
        "turn_p50_ms": round(percentile(times, 0.5), 1),
        "turn_p95_ms": round(percentile(times, 0.95), 1),
    }


async def ask_all(kb: Path, queries: Sequence[Query]) -> dict[str, float]:
    """Imports `kb` into a fresh service and asks everything there, each question as somebody new."""
    started = time.perf_counter()
    with scratch_folder() as folder:
        async with scene(SceneTerms(knowledge=(_unpacked(kb, folder),), more=NO_HOLD)) as running:
            ready = time.perf_counter()
            async with asking(running) as ask:
                slots = asyncio.Semaphore(AT_ONCE)
                asked = await asyncio.gather(*(_ask(ask, query, slots) for query in queries))
    took = time.perf_counter() - ready
    whole = {"import_s": round(ready - started, 1), "questions_per_s": round(len(asked) / max(took, 1e-9), 1)}
    return figures_of(asked) | whole


async def _ask(ask: Asking, query: Query, slots: asyncio.Semaphore) -> Asked:
    async with slots:
        posted = time.perf_counter()
        turn = await ask.in_wecom(query.text)
        return Asked(query, turn, time.perf_counter() - posted)


def _unpacked(kb: Path, folder: Path) -> Path:
    """The file itself, or a plain copy of a packed one: the importer reads plain files."""
    if kb.suffix != ".gz":
        return kb
    plain = folder / kb.stem
    plain.write_bytes(b"\n".join(orjson.dumps(row) for row in read_rows(kb)))
    return plain


def main() -> int:
    """Prints the figures as JSON; exit code 1 when something cannot be read."""
    parser = argparse.ArgumentParser(description="Ask a knowledge base through the signed WeCom webhook.")
    parser.add_argument("kb", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--limit", type=int, help="ask only so many questions")
    options = parser.parse_args()
    configure_logging(level="CRITICAL")
    try:
        queries = queries_of(read_rows(options.queries), options.limit)
        sys.stdout.write(orjson.dumps(asyncio.run(ask_all(options.kb, queries))).decode() + "\n")
    except (HuiyingError, OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"webhook_questions: {error!r}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
