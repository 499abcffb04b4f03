"""The command that measures intents learnt from examples."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evals.few_shot import Trial, calibration_error, few, measure, table, trials


def test_that_a_trial_counts_what_is_right_given_up_and_caught() -> None:
    learnt = [
        (f"{verb}{thing}", label) for label, thing in (("a", "退款"), ("b", "发票")) for verb in "我要怎么能否请帮"
    ]
    trial = Trial("tiny", learnt, [("我想退款", "a"), ("要发票", "b"), ("qwerty", "oos")], "oos")
    found = measure(trial)
    assert found.right == 1.0
    assert found.given_up == 0.0
    assert found.majority == 0.5
    assert found.nearest == 1.0
    assert "| tiny | 16 / 2 | 1.000 | 1.000 | 0.500 |" in table([(trial, found)])


def test_that_scores_which_say_what_happens_are_not_off() -> None:
    right = np.array([True, True, True, False])
    assert calibration_error(np.full(4, 0.75), right) == pytest.approx(0.0)
    assert calibration_error(np.full(4, 1.0), right) == pytest.approx(0.25)


def test_that_few_keeps_every_row_outside_scope() -> None:
    rows = [(str(at), "a") for at in range(9)] + [(str(at), "oos") for at in range(9)]
    kept = [label for _, label in few(rows, 2)]
    assert (kept.count("a"), kept.count("oos")) == (2, 9)


def test_that_sets_which_are_not_there_are_left_out(tmp_path: Path) -> None:
    assert all(trial.name.startswith(("messages", "groups")) for trial in trials(tmp_path))
    (tmp_path / "intent_xsid_zh").mkdir()
    lines = [json.dumps({"text": f"天气{at}", "label": "ab"[at % 2]}) for at in range(12)]
    (tmp_path / "intent_xsid_zh" / "intent.dev.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert [trial.name for trial in trials(tmp_path)][:2] == ["xSID zh, 10 a label", "xSID zh, all"]
