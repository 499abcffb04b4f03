"""The figures by which a search is judged are right on cases that can be counted by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import orjson
import pytest

from conversation.findings import Passage, Retrieval
from evals.logistic import fit
from evals.retrieval_dev import judge
from evals.retrieval_metrics import calibration_gap, order, score
from evals.retrieval_sets import Asked, read_set, small_bases
from retrieval.ngram_embedder import NgramEmbedder


def found(*ids: str, chance: float = 0.5) -> Retrieval:
    return Retrieval(tuple(Passage(one, 1, "", "", 1.0) for one in ids), chance, chance)


def test_recall_and_reciprocal_rank_count_answerable_questions_alone() -> None:
    asked = [Asked("a", frozenset({"x"})), Asked("b", frozenset({"y"})), Asked("c", frozenset())]
    judged = score(asked, [found("x"), found("z", "y"), found("q")], [False, False, True])
    assert (judged.recall_1, judged.recall_5, judged.reciprocal_rank) == (0.5, 1.0, 0.75)
    assert (judged.refusal_precision, judged.refusal_recall) == (1.0, 1.0)
    assert judged.refusal_f1 == pytest.approx(1.0)


def test_nothing_refused_is_no_precision_and_no_error() -> None:
    judged = score([Asked("c", frozenset())], [found()], [False])
    assert judged.refusal_f1 == 0.0


def test_a_calibrated_chance_has_no_gap() -> None:
    chances = np.repeat([0.25, 0.75], 4)
    assert calibration_gap(chances, np.array([1, 0, 0, 0, 1, 1, 1, 0])) == pytest.approx(0.0)
    assert calibration_gap(chances, np.ones(8)) == pytest.approx(0.5)


def test_order_is_the_chance_that_right_stands_above_wrong() -> None:
    assert order(np.array([0.9, 0.1]), np.array([1.0, 0.0])) == 1.0
    assert order(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == 0.5
    assert order(np.array([0.5]), np.array([1.0])) == 0.5


def test_logistic_regression_finds_the_model_that_made_the_truth() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(4000, 2))
    y = (random.random(4000) < 1 / (1 + np.exp(-(0.5 + 2 * x[:, 0])))).astype(float)
    intercept, slopes = fit(x, y, np.ones(4000), ridge=1e-4)
    assert intercept == pytest.approx(0.5, abs=0.2)
    assert slopes == pytest.approx([2.0, 0.0], abs=0.2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kb = [{"doc_id": f"d{number}", "question": q, "text": f"{q}\n答案"} for number, q in enumerate(QUESTIONS)]
    queries = [{"text": f"请问{q}", "gold": [f"d{number}"]} for number, q in enumerate(QUESTIONS)]
    (tmp_path / "kb.dev.jsonl.gz").write_bytes(gzip.compress(b"\n".join(map(orjson.dumps, kb))))
    (tmp_path / "queries.dev.jsonl").write_bytes(
        b"\n".join(map(orjson.dumps, [*queries, {"text": "火星移民", "gold": []}]))
    )
    return tmp_path


QUESTIONS = ["怎么退货", "怎么开发票", "耳机防水吗", "几点上班"]


def test_a_folder_is_read_and_judged(folder: Path) -> None:
    scores, _, _ = judge(read_set(folder), NgramEmbedder())
    assert scores.recall_1 == 1.0
    assert scores.order_covers == 1.0


def test_small_bases_ask_for_what_they_hold_and_for_what_they_do_not(folder: Path) -> None:
    for small in small_bases(read_set(folder), 2, 3):
        assert len(small.entries) == 2
        assert sum(bool(asked.right) for asked in small.questions) == 2
        assert any(not asked.right for asked in small.questions)


def test_a_folder_without_the_files_says_which_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"kb\.dev\.jsonl"):
        read_set(tmp_path)
