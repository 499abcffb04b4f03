"""A model that fails is left alone for a while, then probed by one caller."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answer import AnswerForm
from llm.chat_model import ModelUnavailable, Prompt
from llm.circuit_breaker import CircuitBreaker
from llm.fallback_model import FallbackModel
from llm.scripted_model import ScriptedModel

PROMPT = Prompt("s", "u")
FILLED = {"can_answer": True, "answer": "可以", "citations": [1]}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Moody:
    """A model that is well or not, as told; counts its calls."""

    def __init__(self) -> None:
        self.well = True
        self.calls = 0

    def model(self) -> ScriptedModel:
        def script(prompt: Prompt, shape: object) -> dict[str, object] | ModelUnavailable:
            self.calls += 1
            return dict(FILLED) if self.well else ModelUnavailable("ill")

        return ScriptedModel(script)


async def ask(model: FallbackModel) -> bool:
    try:
        await model.fill(PROMPT, AnswerForm, budget_s=1)
    except ModelUnavailable:
        return False
    return True


async def test_after_five_failures_the_model_is_not_asked_for_thirty_seconds() -> None:
    clock, moody = Clock(), Moody()
    model = FallbackModel([moody.model()], clock=clock)
    moody.well = False
    for _ in range(8):
        assert not await ask(model)
    assert moody.calls == 5
    clock.now = 29.9
    assert not await ask(model)
    assert moody.calls == 5


async def test_a_probe_after_the_rest_closes_the_circuit_again() -> None:
    clock, moody = Clock(), Moody()
    model = FallbackModel([moody.model()], clock=clock)
    moody.well = False
    for _ in range(5):
        await ask(model)
    clock.now, moody.well = 30.0, True
    assert await ask(model)
    assert await ask(model)
    assert moody.calls == 7


async def test_a_failed_probe_opens_for_another_full_time() -> None:
    clock, moody = Clock(), Moody()
    model = FallbackModel([moody.model()], clock=clock)
    moody.well = False
    for _ in range(5):
        await ask(model)
    clock.now = 31.0
    assert not await ask(model)
    clock.now = 60.0
    assert not await ask(model)
    assert moody.calls == 6


async def test_only_one_caller_probes_at_a_time_and_one_who_leaves_frees_the_place() -> None:
    clock, calls = Clock(), []
    probing, release = asyncio.Event(), asyncio.Event()

    async def script(prompt: Prompt, shape: object) -> dict[str, object] | ModelUnavailable:
        calls.append(prompt)
        if len(calls) <= 5:
            return ModelUnavailable("ill")
        probing.set()
        await release.wait()
        return dict(FILLED)

    model = FallbackModel([ScriptedModel(script)], clock=clock)
    for _ in range(5):
        await ask(model)
    clock.now = 30.0
    probe = asyncio.create_task(ask(model))
    await probing.wait()
    assert not await ask(model)
    assert len(calls) == 6
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    release.set()
    assert await ask(model)


async def test_a_first_model_leaves_time_for_the_next_and_resting_ones_are_not_asked() -> None:
    clock = Clock()
    budgets: list[float] = []

    class Timed:
        async def fill(self, prompt: Prompt, shape: type[AnswerForm], *, budget_s: float) -> object:
            budgets.append(budget_s)
            raise ModelUnavailable("ill")

    model = FallbackModel([Timed(), Timed()], clock=clock, open_after=1)  # type: ignore[list-item]
    await ask(model)
    assert budgets == [pytest.approx(0.6), pytest.approx(1.0)]  # the clock stands still: all of it is left
    budgets.clear()
    assert not await ask(model)
    assert budgets == []


@given(st.lists(st.sampled_from(["fail", "succeed", "leave", "wait"]), max_size=60))
def test_a_breaker_never_lets_in_while_open_and_always_lets_in_after(events: list[str]) -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock, open_after=3, open_s=10)
    failures, opened_at = 0, None
    for event in events:
        if event == "wait":
            clock.now += 4
            continue
        expected = opened_at is None or clock.now - opened_at >= 10
        assert breaker.enter() is expected
        if not expected:
            continue
        if event == "succeed":
            breaker.succeeded()
            failures, opened_at = 0, None
        elif event == "fail":
            breaker.failed()
            failures += 1
            opened_at = clock.now if failures >= 3 else opened_at
        else:
            breaker.left()
