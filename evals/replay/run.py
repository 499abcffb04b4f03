"""One replay from start to finish: scene up, traffic played, ledgers counted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from evals.replay.counts import Counts, Meant, count
from evals.replay.ladder import FaultLadder
from evals.replay.play import Player
from evals.replay.traffic import Line
from evals.rig.beside import Scene, SceneTerms, scene
from evals.rig.platforms import STAFF_CHAT
from evals.rig.turns_seen import turns_of


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What came of a replay. `fates` says what was done to messages, `faults` how many API faults struck."""

    counts: Counts
    fates: dict[str, int]
    faults: int
    unsettled: int
    outcomes: dict[str, int]
    seconds: float

    @property
    def passed(self) -> bool:
        """True when nothing was lost, doubled or reordered."""
        return self.counts.clean

    def as_json(self) -> dict[str, Any]:
        """The report for `--json`."""
        return {
            **self.counts.as_json(),
            "fates": self.fates,
            "api_faults": self.faults,
            "unsettled_waits": self.unsettled,
            "outcomes": self.outcomes,
            "seconds": round(self.seconds, 1),
        }


async def replay(lines: list[Line], *, seed: int, database_url: str = "") -> ReplayReport:
    """Plays `lines` into a fresh service on a free port. `database_url` empty: SQLite in a folder of its own."""
    started = time.perf_counter()
    async with scene(SceneTerms(database_url=database_url)) as running:
        player = Player(running, FaultLadder(seed))
        await player.play(lines)
        counts, outcomes = await _judged(running)
        faults = sum(call != "webhook" for call, _ in running.platforms.faults.served)
    return ReplayReport(counts, dict(player.fates), faults, player.unsettled, outcomes, time.perf_counter() - started)


async def _judged(running: Scene) -> tuple[Counts, dict[str, int]]:
    ledger = running.platforms.ledger
    ids = [one.message_id for one in ledger.messages if one.sender_role == "customer"]
    seen = await running.service.database.read(lambda connection: turns_of(connection, ids))
    counts = count(
        ledger.messages,
        ledger.deliveries,
        ledger.violations,
        meant={known: Meant(turn.turn_id, turn.reply) for known, turn in seen.items()},
        staff_chats=(STAFF_CHAT,),
    )
    outcomes: dict[str, int] = {}
    for turn in {turn.turn_id: turn for turn in seen.values()}.values():
        outcomes[turn.outcome] = outcomes.get(turn.outcome, 0) + 1
    return counts, outcomes
