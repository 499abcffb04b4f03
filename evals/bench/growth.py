"""Whether a conversation gets dearer as it gets longer: prompt tokens and CPU of each of twenty turns."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from evals.bench.beside_child import Bench, bench_service
from evals.bench.figures import median
from evals.bench.table import mark, table
from evals.rig.model_relay import ModelEndpoint
from playground.llm_double import Mood

TURNS, RUNS = 20, 3
TARGET_GROWTH = 1.3
#: Questions that the sample base answers, though not so surely that an entry is given word for word: a model is asked.
QUESTIONS = (
    "这款耳机如何连接两台手机？",
    "会员积分怎么兑换优惠券",
    "退款说已经成功了，到建设银行的卡大概要等几天",
    "订单发票怎么开，什么时候能收到",
    "会员等级怎么算，现在有什么权益",
)
REPLY_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class GrownTurn:
    """One turn of a long conversation."""

    question: str
    calls: int
    prompt_tokens: int
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class GrowthReport:
    """The runs, each a conversation of twenty turns."""

    runs: list[list[GrownTurn]]

    def tokens(self, turn: int) -> float:
        """Prompt tokens of a turn (from 0), the median of the runs; 0 where no model was asked."""
        return median(run[turn].prompt_tokens for run in self.runs)

    @property
    def growth(self) -> float:
        """The most that the prompt of a question grew between the first and the last time that it was asked."""
        asked: dict[str, list[float]] = defaultdict(list)
        for turn, one in enumerate(self.runs[0]):
            asked[one.question].append(self.tokens(turn))
        pairs = [(times[0], times[-1]) for times in asked.values() if times[0] and times[-1]]
        return max((last / first for first, last in pairs), default=0.0)

    @property
    def passed(self) -> bool:
        """True when a model was asked from the first turn to the last and no prompt grew further than allowed."""
        return self.tokens(0) > 0 and self.tokens(TURNS - 1) > 0 and self.growth <= TARGET_GROWTH

    def as_json(self) -> dict[str, Any]:
        """The report for `--json`."""
        turns = [
            {
                "turn": turn + 1,
                "calls": median(run[turn].calls for run in self.runs),
                "prompt_tokens": self.tokens(turn),
                "cpu_ms": round(median(run[turn].cpu_ms for run in self.runs), 2),
            }
            for turn in range(TURNS)
        ]
        return {"turns": turns, "growth": round(self.growth, 2), "target": TARGET_GROWTH, "passed": self.passed}

    def in_words(self) -> str:
        """The table for people."""
        shown = [self.as_json()["turns"][turn] for turn in (0, 4, 9, 14, 19)]
        rows = [
            [str(one["turn"]), f"{one['calls']:.0f}", f"{one['prompt_tokens']:.0f}", f"{one['cpu_ms']}"]
            for one in shown
        ]
        verdict = f"the same question, first time against last: {self.growth:.2f}× tokens (target ≤ {TARGET_GROWTH}×) "
        return f"{table(['turn', 'model calls', 'prompt tokens', 'CPU ms'], rows)}\n{verdict}{mark(self.passed)}"


async def measure_growth(endpoint: ModelEndpoint | None = None) -> GrowthReport:
    """Three conversations of twenty turns with one service."""
    async with bench_service(with_model=True, endpoint=endpoint) as bench:
        bench.platforms.llm.reset(Mood(latency_s=0.05))
        await bench.driver.exchange(QUESTIONS[-1], limit_s=REPLY_LIMIT_S)
        return GrowthReport([await _conversation(bench) for _ in range(RUNS)])


async def _conversation(bench: Bench) -> list[GrownTurn]:
    who, turns = bench.driver.newcomer(), []
    for number in range(TURNS):
        # The last turn asks what the first one asked.
        question = QUESTIONS[0] if number == TURNS - 1 else QUESTIONS[number % len(QUESTIONS)]
        known, before = len(bench.platforms.llm.calls), await bench.child.used()
        await bench.driver.exchange(question, who, limit_s=REPLY_LIMIT_S)
        await asyncio.sleep(0.1)
        after, calls = await bench.child.used(), bench.platforms.llm.calls[known:]
        tokens = sum(call.prompt_tokens for call in calls)
        turns.append(GrownTurn(question, len(calls), tokens, (after.cpu_s - before.cpu_s) * 1000))
    return turns
