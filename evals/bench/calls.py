"""How often the model is asked for the twenty messages, and that each ends well whatever state the model is in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from conversation.outcomes import OUTCOMES
from evals.bench.beside_child import NO_HOLD
from evals.bench.driver import Driver, Exchange, driving
from evals.bench.figures import chain_length, median
from evals.bench.table import clip, mark, table
from evals.rig.beside import Scene, SceneTerms, scene
from evals.rig.model_relay import ModelEndpoint
from evals.rig.platforms import Platforms
from evals.rig.turns_seen import TurnSeen, turns_of, work_off_the_path
from playground.llm_brain import MESSAGES
from playground.llm_double import Mood

TARGET_CALLS, TARGET_CHAIN, TARGET_TOKENS = 0.9, 1, 1200
REPLY_LIMIT_S, TURN_LIMIT_S = 20.0, 20.0
#: Outcomes that say nothing, and may.
WORDLESS = frozenset({"StayedSilent", "Relayed"})
#: For a few matters only some outcomes make sense; for the others any does that has words.
SENSIBLE: dict[str, frozenset[str]] = {
    "human": frozenset({"HandedOff"}),
    "complaint": frozenset({"HandedOff", "TicketOpened"}),
    "cancel": frozenset({"TicketOpened", "Acted", "Answered", "Clarified", "HandedOff"}),
    "chitchat": frozenset({"Answered", "StayedSilent", "Clarified"}),
}


@dataclass(frozen=True, slots=True)
class ModelState:
    """A state the model may be in. `url` makes its address from the platforms, None: none is configured."""

    name: str
    mood: Mood
    url: Callable[[Platforms], str] | None = lambda platforms: platforms.llm_url


STATES = (
    ModelState("on", Mood(latency_s=0.05)),
    ModelState("slow", Mood(latency_s=0.8)),
    ModelState("failing", Mood(latency_s=0.05, fail_every=3)),
    ModelState("malformed", Mood(latency_s=0.05, malformed_every=1)),
    # Port 9 is discard: nobody listens, so every connection is refused at once.
    ModelState("absent", Mood(), lambda _: "http://127.0.0.1:9/v1"),
    ModelState("off", Mood(), None),
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How one message ended in one state of the model. `chain` and `prompt_tokens` are what the customer waited for."""

    matter: str
    exchange: Exchange
    turn: TurnSeen | None
    calls: int
    chain: int
    prompt_tokens: int

    @property
    def outcome(self) -> str:
        """The outcome's name, or what went wrong instead."""
        return self.turn.outcome if self.turn else "(no outcome)"

    @property
    def sensible(self) -> bool:
        """True for an outcome that fits the matter, with words for the customer unless it may be silent."""
        allowed = SENSIBLE.get(self.matter, frozenset(OUTCOMES) - WORDLESS)
        said = self.exchange.reply is not None
        return self.outcome in allowed and (said or self.outcome in WORDLESS)

    def cells(self) -> list[str]:
        """The row for people."""
        reason, verdict = self.turn.reason if self.turn else "", "" if self.sensible else "!"
        reply = clip(self.exchange.reply or "（不说话）", 60)
        return [clip(self.exchange.text, 30), self.outcome, clip(reason, 18), str(self.calls), verdict, reply]

    def as_json(self) -> dict[str, Any]:
        """The row for `--json`."""
        return {
            "matter": self.matter,
            "message": self.exchange.text,
            "outcome": self.outcome,
            "reason": self.turn.reason if self.turn else "",
            "reply": self.exchange.reply,
            "calls": self.calls,
            "critical_path": self.chain,
            "prompt_tokens": self.prompt_tokens,
            "wall_ms": round(self.exchange.wall_s * 1000),
            "sensible": self.sensible,
        }


@dataclass(frozen=True, slots=True)
class CallsReport:
    """The twenty messages in every state."""

    states: dict[str, list[Ended]]

    @property
    def passed(self) -> bool:
        """True when every message ended sensibly and the model that is on was asked no more than the targets allow."""
        on = self.states["on"]
        sensible = all(one.sensible for rows in self.states.values() for one in rows)
        few = sum(one.calls for one in on) / len(on) <= TARGET_CALLS
        short = max(one.chain for one in on) <= TARGET_CHAIN
        return sensible and few and short and max(one.prompt_tokens for one in on) <= TARGET_TOKENS

    def as_json(self) -> dict[str, Any]:
        """The report for `--json`."""
        targets = {"calls_mean": TARGET_CALLS, "critical_path_max": TARGET_CHAIN, "prompt_tokens_max": TARGET_TOKENS}
        states = {
            name: _figures(rows) | {"messages": [one.as_json() for one in rows]} for name, rows in self.states.items()
        }
        return {"states": states, "targets": targets, "passed": self.passed}

    def in_words(self) -> str:
        """One table of figures, then one of messages for every state."""
        shown = [[name, *(str(value) for value in _figures(rows).values())] for name, rows in self.states.items()]
        head = ["model", "calls mean", "critical path max", "tokens max", "tokens mean", "p50 ms", "not sensible"]
        parts = [table(head, shown)]
        for name, rows in self.states.items():
            lines = [one.cells() for one in rows]
            parts.append(f"model {name}\n" + table(["message", "outcome", "reason", "calls", "", "reply"], lines))
        targets = f"targets with the model on: calls ≤ {TARGET_CALLS}, critical path ≤ {TARGET_CHAIN}, "
        return "\n\n".join([*parts, f"{targets}tokens ≤ {TARGET_TOKENS}, every outcome sensible: {mark(self.passed)}"])


def _figures(rows: list[Ended]) -> dict[str, Any]:
    return {
        "calls_mean": round(sum(one.calls for one in rows) / len(rows), 2),
        "critical_path_max": max(one.chain for one in rows),
        "prompt_tokens_max": max(one.prompt_tokens for one in rows),
        "prompt_tokens_mean": round(sum(one.prompt_tokens for one in rows) / len(rows)),
        "wall_p50_ms": round(median(one.exchange.wall_s for one in rows if one.exchange.reply) * 1000),
        "not_sensible": sum(not one.sensible for one in rows),
    }


async def measure_calls(endpoint: ModelEndpoint | None = None) -> CallsReport:
    """Plays the twenty messages in every state, each state with a service of its own.

    A real `endpoint` takes the place of the double where the model is on; the other states are the double's.
    """
    states = {}
    for state in STATES:
        own = endpoint if state.name == "on" else None
        async with (
            scene(SceneTerms(llm_url=state.url, qps_per_chat=None, more=NO_HOLD, endpoint=own)) as running,
            driving(running.platforms) as driver,
        ):
            running.platforms.llm.reset(state.mood)
            states[state.name] = [await _end(running, driver, matter, text) for matter, text in MESSAGES]
    return CallsReport(states)


async def _end(running: Scene, driver: Driver, matter: str, text: str) -> Ended:
    known, who = len(running.platforms.llm.calls), driver.newcomer()
    saying = asyncio.create_task(driver.exchange(text, who, limit_s=REPLY_LIMIT_S))
    turn = await _turn(running)
    if turn is not None and not turn.reply:
        driver.hush(who)
    exchange = await saying
    await _off_the_path(running)
    calls = running.platforms.llm.calls[known:]
    waited = [call for call in calls if exchange.posted <= call.started < exchange.replied]
    chain = chain_length([(call.started, call.ended) for call in waited])
    return Ended(matter, exchange, turn, len(calls), chain, sum(call.prompt_tokens for call in waited))


async def _off_the_path(running: Scene) -> None:
    """Waits for what the turn left to be done, so that its calls are not taken for the next message's."""
    await asyncio.sleep(0.05)
    for _ in range(200):
        soon = partial(work_off_the_path, until=running.clock() + 2.0)
        if not await running.service.database.read(soon):
            return
        await asyncio.sleep(0.05)


async def _turn(running: Scene) -> TurnSeen | None:
    """The turn of what is being said now, once it is finished; None when it never is."""
    ledger, first = running.platforms.ledger, len(running.platforms.ledger.messages)

    def finished(connection: Connection) -> dict[str, TurnSeen]:
        said = [one.message_id for one in ledger.messages[first:] if one.sender_role == "customer"]
        return turns_of(connection, said)

    try:
        async with asyncio.timeout(TURN_LIMIT_S):
            while True:
                if seen := await running.service.database.read(finished):
                    return next(iter(seen.values()))
                await asyncio.sleep(0.02)
    except TimeoutError:
        return None
