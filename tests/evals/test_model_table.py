"""The table of models holds a row per promise, says what it could not measure, and finds what was learnt by heart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from commands.evaluate import application
from conversation.errors import HuiyingError
from evals.models import own_rows, run
from evals.models.arithmetic import area, macro_f1, rand_index
from evals.models.leaks import Told, find_leaks
from evals.models.public import PARTS, public_rows
from evals.models.run import ModelReport, find_all_leaks
from evals.models.speed import speed_rows
from evals.models.surface import LetterPairs
from evals.models.table import Figure, Row, in_words, not_run


def told(*texts: str) -> list[Told]:
    return [Told(text, f"row {number}") for number, text in enumerate(texts)]


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of each file of the corpus: every way is gone, in seconds."""
    whole = own_rows._all
    monkeypatch.setattr(own_rows, "_all", lambda name: whole(name)[:: 9 if len(whole(name)) > 5000 else 3])


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of a few messages, of which one that judges was learnt from in other dress."""
    rows = [
        {"id": "m-1", "text": "退款 三天了还没到账！！", "split": "train"},
        {"id": "m-2", "text": "谢谢", "split": "train"},
        {"id": "m-3", "text": "退款三天了还没到账", "split": "dev"},
        {"id": "m-4", "text": "谢谢", "split": "test"},
        {"id": "m-5", "text": "你们家的猫砂会不会起灰", "split": "test"},
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "messages.jsonl").write_text(lines, encoding="utf-8")
    monkeypatch.setattr(own_rows, "CORPUS", tmp_path)
    monkeypatch.setattr(own_rows, "_all", own_rows._all.__wrapped__)
    return tmp_path


def test_a_line_learnt_by_heart_is_found_in_a_planted_corpus(planted: Path) -> None:
    found = find_all_leaks(None)[run.CORPUS]
    assert [(leak.judged.where, leak.learnt.where) for leak in found.exact] == [
        ("messages dev m-3", "messages train m-1")
    ]
    assert found.short == 1
    assert not ModelReport((), {run.CORPUS: found}).clean


def test_case_width_and_punctuation_hide_no_equal_line() -> None:
    found = find_leaks(told("ＡＰＰ 登不上去了？？"), told("app登不上去了"))
    assert [leak.likeness for leak in found.exact] == [1.0]
    assert found.near == ()


def test_a_nearly_equal_line_is_found_with_the_most_alike_of_the_learnt() -> None:
    learnt = told(
        "自动续费扣的钱能不能退给我", "自动续费扣的钱能不能退给我妈", "优惠券怎么领取", "完全是另一回事的一句话"
    )
    found = find_leaks(told("自动续费扣的钱能不能退给我呀", "优惠券从哪里可以领到"), learnt)
    assert found.exact == ()
    assert [(leak.judged.where, leak.learnt.where) for leak in found.near] == [("row 0", "row 0")]
    assert found.near[0].likeness == pytest.approx(11 / 12)


def test_the_table_has_a_row_for_every_promise(few_rows: None) -> None:
    rows = [row for part in run.OWN if part is not speed_rows for row in part()]
    promised = {(row.what, figure.name) for row in rows for figure in row.figures if figure.bound}
    assert {
        ("intents (20)", "macro-F1"),
        ("emotions (6)", "macro-F1"),
        ("reviews: praise or blame", "macro-F1"),
        ("injection", "F1"),
        ("offensive", "F1"),
        ("personal details", "typed F1"),
        ("same question", "AUC"),
        ("finding entries", "recall@1"),
        ("finding entries", "wrong"),
    } <= promised
    assert {"wants_human", "urgent", "intensity (0–3)", "topics", "speak", "repeated questions"} <= {
        r.what for r in rows
    }
    assert all(row.trivial for row in rows if row.figures), "every figure stands beside what trivial means reach"


def test_what_the_models_cost_is_measured_in_a_process_of_its_own(few_rows: None) -> None:
    rows = {row.what: row for row in speed_rows()}
    assert all(row.figures[0].bound for row in rows.values())
    assert len(rows) == 7
    assert 5 < rows["shipped size"].figures[0].value < 100
    assert rows["memory added by loading all"].figures[0].value > 10


@pytest.mark.parametrize("given", [True, False])
def test_public_sets_that_are_not_there_are_said_to_be(tmp_path: Path, given: bool) -> None:
    rows = list(public_rows(tmp_path if given else None))
    assert {row.on for row in rows} == {name for _, names, _ in PARTS for name in names}
    why = "not run: it is not there" if given else "not run: no folder of public sets was given"
    assert {row.note for row in rows} == {why}


def test_a_folder_of_public_sets_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HuiyingError, match="no such folder"):
        list(public_rows(tmp_path / "nowhere"))


@pytest.mark.parametrize("leaks", [0, 1])
def test_the_command_fails_when_a_judging_line_was_learnt(monkeypatch: pytest.MonkeyPatch, leaks: int) -> None:
    found = find_leaks(told("退款三天了还没到账"), told("退款三天了还没到账")[:leaks])
    report = ModelReport((Row("意图", "dev", 2, (Figure("F1", 0.5, at_least=0.9),)),), {run.CORPUS: found})
    monkeypatch.setattr(run, "measure_models", lambda *_: report)
    plain, packed = (CliRunner().invoke(application, ["models", *more]) for more in ([], ["--json"]))
    assert plain.exit_code == packed.exit_code == leaks
    assert "F1 ≥ 0.9 MISSED" in plain.output
    told_all: dict[str, Any] = json.loads(packed.stdout)
    assert told_all["rows"][0]["must_reach"] == {"F1": {"at_least": 0.9, "at_most": None, "reached": False}}
    assert len(told_all["leaks"][run.CORPUS]["exact"]) == leaks


def test_a_row_that_was_not_run_stands_in_line_with_the_others() -> None:
    lines = in_words(
        [Row("意图", "service", 2, (Figure("F1", 0.5),)), not_run("gate", "room", "not there")]
    ).splitlines()
    assert [line.split("  ")[0] for line in lines[2:]] == ["意图", "gate"]
    assert lines[3].endswith("not run: not there")


def test_scores_are_right_on_cases_that_can_be_counted_by_hand() -> None:
    assert rand_index([1, 1, 2, 2], [7, 7, 8, 8]) == 1.0
    assert rand_index([1, 1, 2, 2], [1, 2, 1, 2]) == pytest.approx(-0.5)
    assert macro_f1(["a", "a", "b"], ["a", "b", "b"]) == pytest.approx(2 / 3)
    wanted, scores = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.5, 0.5, 0.1])
    assert area(wanted, scores, np.ones(4)) == pytest.approx(0.875)


def test_letters_alone_tell_apart_what_differs_in_its_letters() -> None:
    reader = LetterPairs(["退款多久到", "退款没到", "发票怎么开", "开发票"], ["refund", "refund", "invoice", "invoice"])
    assert [reader.read(text) for text in ("我的退款呢", "发票")] == ["refund", "invoice"]
