"""Suites: the files are sound, the figures are right, and a run through the real service says what it saw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from commands.evaluate import application
from conversation.errors import BadDocument
from evals.retrieval_sets import read_rows
from evals.rig.platforms import SAMPLE
from evals.suites.compare import compare, read_report
from evals.suites.figures import Found, Judged, outcome_figures, question_figures, rank_of
from evals.suites.report import GateResult, Report, SuiteResult
from evals.suites.run import run_suites
from evals.suites.suite import Gate, find_suite, known_suites, read_suite
from evals.webhook_questions import ask_all, queries_of


@pytest.mark.parametrize("name", sorted(known_suites()))
def test_a_shipped_suite_is_sound(name: str) -> None:
    suite = read_suite(find_suite(name))
    ids = [case.case_id for case in (*suite.questions, *suite.scripts)]
    assert suite.name == name
    assert len(ids) == len(set(ids))
    assert suite.gates


def test_the_sample_questions_are_many_and_not_taken_from_the_base() -> None:
    suite = read_suite(find_suite("sample_faq"))
    known = read_rows(SAMPLE / "faq.jsonl")
    words = {text for row in known for text in (row["question"], *row["similar"])}
    assert len(suite.questions) >= 60
    assert sum(not question.right for question in suite.questions) >= 20
    assert not {question.text for question in suite.questions} & words
    assert len(read_suite(find_suite("outcomes")).scripts) >= 40


def test_an_unknown_suite_names_those_there_are() -> None:
    with pytest.raises(BadDocument, match="outcomes, sample_faq"):
        find_suite("nothing")


@pytest.mark.parametrize(
    "rows",
    [
        [],
        ["{"],
        [{"suite": "x", "kind": "poems"}],
        [{"kind": "questions", "gates": {"recall_1": {"above": 1}}}],
        [{"kind": "questions"}, {"id": "1", "text": "?"}],
        [{"kind": "scripts"}, {"id": "1", "say": [{"text": "?", "expect": ["Replied"]}]}],
    ],
)
def test_a_suite_that_cannot_be_read_is_refused_in_words(tmp_path: Path, rows: list[Any]) -> None:
    path = written(tmp_path, "bad", rows)
    with pytest.raises(BadDocument, match=str(path)):
        read_suite(path)


def test_figures_are_shares_of_the_right_questions() -> None:
    found = [
        Found(answerable=True, rank=1, refused=False, told=True, rightly=True),
        Found(answerable=True, rank=3, refused=False, told=True, rightly=False),
        Found(answerable=True, rank=0, refused=True, told=False, rightly=False),
        Found(answerable=False, rank=0, refused=True, told=False, rightly=False),
        Found(answerable=False, rank=0, refused=False, told=True, rightly=False),
    ]
    figures = question_figures(found)
    assert figures["recall_1"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["recall_5"] == pytest.approx(2 / 3, abs=1e-4)
    assert (figures["refusal_precision"], figures["refusal_recall"], figures["refusal_f1"]) == (0.5, 0.5, 0.5)
    assert (figures["told_rightly"], figures["told_wrongly"]) == (pytest.approx(1 / 3, abs=1e-4), 0.4)
    assert set(question_figures([]).values()) == {0.0}
    assert outcome_figures([True, True, False, False]) == {"outcome_accuracy": 0.5}


def test_a_right_entry_is_known_by_its_id_or_by_its_question() -> None:
    entries = [("kb_1", "以旧换新"), ("hm-028", "满多少包邮？")]
    assert rank_of({"hm-028"}, entries) == 2
    assert rank_of({"以旧换新"}, entries) == 1
    assert rank_of({"hm-001"}, entries) == 0


@pytest.mark.parametrize(("value", "passes"), [(0.5, True), (0.8, True), (0.49, False)])
def test_a_gate_holds_at_its_bound(value: float, passes: bool) -> None:
    assert Gate("recall_1", at_least=0.5).passes(value) is passes
    assert Gate("told_wrongly", at_most=0.5).passes(1 - value) is passes


def report(*passed: bool) -> Report:
    cases = tuple(Judged(f"c{n}", f"<b>{n}</b>", "A", "B", one) for n, one in enumerate(passed))
    figures = {"accuracy": sum(passed) / len(passed)}
    gate = GateResult("accuracy", "≥ 0.5", figures["accuracy"], figures["accuracy"] >= 0.5)
    return Report((SuiteResult("s", "about", figures, (gate,), cases),))


def test_comparing_names_what_was_fixed_and_what_was_broken(tmp_path: Path) -> None:
    before, after = report(True, False, True, False), report(True, True, False, False)
    before.write(tmp_path / "a")
    after.write(tmp_path / "b")
    comparison = compare(read_report(tmp_path / "a"), read_report(tmp_path / "b" / "report.json"))
    assert (comparison.fixed, comparison.broken) == ((("s", "c1"),), (("s", "c2"),))
    assert (comparison.unchanged, comparison.only_in_one) == (2, 0)
    shown = CliRunner().invoke(application, ["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert shown.exit_code == 0
    assert "fixed 1, broken 1, unchanged 2" in shown.output


def test_cases_of_one_report_alone_are_counted_apart() -> None:
    before, after = report(True, False).as_json(), report(True, False, True).as_json()
    comparison = compare(before, after)
    assert (comparison.unchanged, comparison.only_in_one, comparison.fixed) == (2, 1, ())


def test_a_file_that_is_no_report_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": 1}')
    with pytest.raises(BadDocument, match="is no report"):
        read_report(path)


def test_the_page_escapes_what_people_wrote_and_shows_failures_first() -> None:
    page = report(True, False).as_page()
    assert "<b>" not in page
    assert page.index("c1") < page.index("c0")
    failed = replace(report(False), at="then")
    assert "FAILED" in failed.as_page()
    assert not failed.passed


QUESTIONS = [
    {"suite": "tiny", "kind": "questions", "gates": {"recall_1": {"at_least": 1.0}, "told_wrongly": {"at_most": 0.0}}},
    {"id": "1", "text": "满多少包邮？", "right": ["hm-028"]},
    {"id": "2", "text": "发票抬头开错了怎么办？", "right": ["发票抬头开错了怎么办？"]},
    {"id": "3", "text": "你们会修火箭吗", "right": []},
]
SCRIPTS = [
    {"suite": "talk", "kind": "scripts", "gates": {"outcome_accuracy": {"at_least": 1.0}}},
    {"id": "1", "say": [{"text": "转人工", "expect": ["HandedOff"]}]},
    {"id": "2", "room": "group", "mention": False, "say": [{"text": "今晚一起吃饭吗", "expect": ["StayedSilent"]}]},
    {"id": "3", "say": [{"text": "转人工", "expect": ["Answered"]}]},
]


def written(folder: Path, name: str, rows: list[Any]) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.mark.timeout(240)
async def test_suites_run_through_the_real_webhooks_and_gates_decide(tmp_path: Path) -> None:
    result = await run_suites([written(tmp_path, "tiny", QUESTIONS), written(tmp_path, "talk", SCRIPTS)])
    tiny, talk = result.suites
    assert tiny.passed, tiny.cases
    assert tiny.figures["recall_1"] == 1.0
    assert [case.passed for case in talk.cases] == [True, True, False]
    assert talk.figures["outcome_accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    assert not result.passed


@pytest.mark.timeout(240)
async def test_a_base_of_ones_own_is_asked_through_the_webhook(tmp_path: Path) -> None:
    rows = [
        {"doc_id": "d1", "question": "门店几点开门？", "answer": "门店每天 10:00 开门。"},
        {"doc_id": "d2", "question": "可以带宠物进店吗？", "answer": "小型宠物装包后可以进店。"},
    ]
    asked = [
        {"qid": "q1", "text": "门店几点开门？", "gold": ["d1"], "answerable": 1},
        {"qid": "q2", "text": "可以带宠物进店吗？", "gold": ["d2"], "answerable": 1},
        {"qid": "q3", "text": "月球上的引力是多少", "gold": [], "answerable": 0},
        {"qid": "q4", "text": "不问的", "gold": [], "answerable": 0},
    ]
    figures = await ask_all(written(tmp_path, "kb", rows), queries_of(asked, limit=3))
    assert figures["questions"] == 3
    assert figures["without_turn"] == 0
    assert (figures["recall_1"], figures["told_wrongly"]) == (1.0, 0.0)
