"""Every task over single texts gives one well-formed row per input row, in order."""

from __future__ import annotations

from pathlib import Path

import pytest
from predicting import is_chance, judged, text_rows, write

from conversation.findings import EmotionLabel, Intent
from conversation.redaction import PersonalKind
from evals.predict import TASKS

IDS = [row["id"] for row in text_rows()]


def test_that_every_task_of_the_contract_exists() -> None:
    texts, rooms = ["triage", "emotion", "flags", "redact", "similar"], ["topics", "mention", "brief", "dialogue"]
    assert list(TASKS) == ["retrieve", "gate", *texts, *rooms]


def test_that_triage_gives_a_built_in_intent(tmp_path: Path) -> None:
    rows = judged(tmp_path, "triage", text_rows())
    assert [row["id"] for row in rows] == IDS
    assert all(row["label"] in set(Intent) and is_chance(row["score"]) for row in rows)
    assert all(isinstance(row["abstain"], bool) for row in rows)
    assert rows[5]["label"] == "human_request"


def test_that_triage_learns_a_deployers_own_intents(tmp_path: Path) -> None:
    own = {
        "book": ["订一张票", "我要订票", "帮我订票"],
        "cancel": ["取消订票", "退票", "不去了退掉"],
        "oos": ["讲个笑话"],
    }
    rows = [{"text": text, "label": label} for label, texts in own.items() for text in texts]
    intents = write(tmp_path / "own.jsonl", rows)
    found = judged(
        tmp_path, "triage", [{"id": 1, "text": "订两张票"}, {"id": 2, "text": ""}], intents=intents, oos="oos"
    )
    assert found[0]["label"] == "book"
    assert found[1] == {"id": 2, "label": "oos", "score": found[1]["score"], "abstain": True}


def test_that_emotion_gives_all_six_moods(tmp_path: Path) -> None:
    rows = judged(tmp_path, "emotion", text_rows())
    assert [row["id"] for row in rows] == IDS
    for row in rows:
        assert set(row["scores"]) == set(EmotionLabel)
        assert row["label"] == max(row["scores"], key=lambda mood: row["scores"][mood])
        assert 0 <= row["intensity"] <= 3
        assert -1 <= row["valence"] <= 1


def test_that_flags_are_four_chances(tmp_path: Path) -> None:
    rows = judged(tmp_path, "flags", text_rows())
    assert all(set(row) == {"id", "wants_human", "urgent", "injection", "offensive"} for row in rows)
    assert all(is_chance(value) for row in rows for name, value in row.items() if name != "id")
    assert rows[5]["wants_human"] > 0.6


def test_that_redact_gives_places_in_code_points(tmp_path: Path) -> None:
    text = "😀手机１３８１２３４５６７８谢谢"
    (row,) = judged(tmp_path, "redact", [{"id": "r", "text": text}])
    assert row["spans"] == [[3, 14, "PHONE"]]
    for row in judged(tmp_path, "redact", text_rows()):
        assert all(kind in set(PersonalKind) and 0 <= start < end for start, end, kind in row["spans"])


@pytest.mark.parametrize(
    ("a", "b", "same"), [("怎么退款", "怎么退款呢", True), ("怎么退款", "今天好热", False), ("", "x", False)]
)
def test_that_similar_gives_a_chance(a: str, b: str, same: bool, tmp_path: Path) -> None:
    (row,) = judged(tmp_path, "similar", [{"id": "s", "a": a, "b": b}])
    assert is_chance(row["score"])
    assert (row["score"] > 0.5) is same
