"""Runs suites on a fresh service without a language model, through the signed webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from evals.rig.asking import Asking, asking
from evals.rig.beside import SceneTerms, scene
from evals.rig.turns_seen import TurnSeen
from evals.suites.figures import Found, Judged, outcome_figures, question_figures, rank_of
from evals.suites.report import GateResult, Report, SuiteResult
from evals.suites.suite import Question, Script, Suite, read_suite

#: Conversations held at once: enough to be quick, too few to make a turn late.
AT_ONCE = 8
#: People in scripts do not type in fragments: nothing is gained by holding a reply.
NO_HOLD = {"delivery": {"quiet_s": 0}}


async def run_suites(paths: Iterable[Path]) -> Report:
    """Runs each suite with a service of its own. Raises `BadDocument` before anything runs."""
    suites = [read_suite(path) for path in paths]
    return Report(tuple([await run_suite(suite) for suite in suites]))


async def run_suite(suite: Suite) -> SuiteResult:
    """Plays one suite and judges it by its gates."""
    async with scene(SceneTerms(more=NO_HOLD)) as running, asking(running) as ask:
        if suite.kind == "questions":
            figures, cases = await _questions(ask, suite)
        else:
            figures, cases = await _scripts(ask, suite)
    gates = tuple(
        GateResult(gate.figure, gate.words, figures.get(gate.figure, 0.0), gate.passes(figures.get(gate.figure, 0.0)))
        for gate in suite.gates
    )
    return SuiteResult(suite.name, suite.about, figures, gates, cases)


def found(right: frozenset[str], turn: TurnSeen | None) -> Found:
    """What a question came to, judged from its turn."""
    if turn is None:
        return Found(bool(right), 0, refused=False, told=False, rightly=False)
    passages = turn.findings.retrieval.passages
    questions = {passage.entry_id: passage.question for passage in passages}
    cited = [(entry, questions.get(entry, "")) for entry in turn.cited]
    return Found(
        answerable=bool(right),
        rank=rank_of(right, [(passage.entry_id, passage.question) for passage in passages]),
        refused=turn.unknown,
        told=bool(cited),
        rightly=bool(rank_of(right, cited)),
    )


async def _questions(ask: Asking, suite: Suite) -> tuple[dict[str, float], tuple[Judged, ...]]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(question: Question) -> tuple[Found, Judged]:
        async with slots:
            turn = await ask.in_wecom(question.text)
        what = found(question.right, turn)
        return what, _judged_question(question, turn, what)

    pairs = await asyncio.gather(*(one(question) for question in suite.questions))
    return question_figures([what for what, _ in pairs]), tuple(judged for _, judged in pairs)


def _judged_question(question: Question, turn: TurnSeen | None, what: Found) -> Judged:
    expected = " | ".join(sorted(question.right)) or "(not in the base)"
    if turn is None:
        return Judged(question.case_id, question.text, expected, "(no turn)", False)
    first = turn.findings.retrieval.passages[0] if turn.entries else None
    got = f"{turn.outcome} ({turn.reason})" + (f", first {first.entry_id} {first.question}" if first else "")
    # An answerable question is right when its entry comes first and nothing wrong was told; the other when nothing was.
    passed = (what.rank == 1 and (what.rightly or not what.told)) if what.answerable else not what.told
    return Judged(question.case_id, question.text, expected, got, passed, turn.reply)


async def _scripts(ask: Asking, suite: Suite) -> tuple[dict[str, float], tuple[Judged, ...]]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(script: Script) -> list[Judged]:
        async with slots:
            return await _played(ask, script)

    cases = [case for played in await asyncio.gather(*map(one, suite.scripts)) for case in played]
    return outcome_figures([case.passed for case in cases]), tuple(cases)


async def _played(ask: Asking, script: Script) -> list[Judged]:
    who = ask.newcomer()
    group = f"oc_group_{script.case_id}" if script.in_group else ""
    cases = []
    for number, said in enumerate(script.said, start=1):
        turn = await ask.in_feishu(said.text, who, group, script.mention)
        got = f"{turn.outcome} ({turn.reason})" if turn else "(no turn)"
        passed = turn is not None and turn.outcome in said.expect
        expected = " | ".join(sorted(said.expect))
        reply = turn.reply if turn else ""
        cases.append(Judged(f"{script.case_id}.{number}", said.text, expected, got, passed, reply))
    return cases
