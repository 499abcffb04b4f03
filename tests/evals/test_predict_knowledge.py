"""Tasks over a knowledge base: ranking, refusing, and whether to speak."""

from __future__ import annotations

from pathlib import Path

from predicting import KB, is_chance, judged, text_rows, write


def test_that_retrieve_ranks_the_rows_of_a_file(tmp_path: Path) -> None:
    rows = judged(tmp_path, "retrieve", text_rows("qid"), kb=write(tmp_path / "kb.jsonl", KB))
    assert [row["qid"] for row in rows] == [row["qid"] for row in text_rows("qid")]
    for row in rows:
        assert set(row["ranked"]) <= {"k1", "k2", "k3"}
        assert len(row["ranked"]) == len(set(row["ranked"])) == len(row["scores"])
        assert is_chance(row["score"])
        assert row["refuse"] in (0, 1)
    (asked,) = judged(tmp_path, "retrieve", [{"qid": 1, "text": "怎么退款"}], kb=tmp_path / "kb.jsonl", k=1)
    assert asked["ranked"] == ["k1"]


def test_that_retrieve_reads_a_folder_of_documents(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "faq.md").write_text(
        "# 退款\n\n## 怎么申请退款\n\n在订单页点申请退款。\n\n## 发票在哪里\n\n在订单页下载。\n", "utf-8"
    )
    (row,) = judged(tmp_path, "retrieve", [{"id": 1, "text": "发票在哪里下载"}], kb=folder)
    assert row["ranked"][0].startswith("faq.md#")
    assert "发票" in row["ranked"][0]


def test_that_the_gate_learns_from_a_rooms_history(tmp_path: Path) -> None:
    kb = write(tmp_path / "kb.jsonl", KB)
    texts = ["怎么退款", "哈哈哈", "发票在哪里下载", "今天吃啥", "几天能到", "收到"] * 3
    history = [{"text": text, "answerable": 1 - place % 2} for place, text in enumerate(texts)]
    rows = judged(tmp_path, "gate", text_rows(), kb=kb, labels=write(tmp_path / "labels.jsonl", history))
    assert all(is_chance(row["score"]) and row["pred"] in (0, 1) for row in rows)
    spoken = {"id": 1, "text": "退款怎么弄"}, {"id": 2, "text": "哈哈"}
    question, laughter = judged(tmp_path, "gate", list(spoken), kb=kb, labels=tmp_path / "labels.jsonl")
    assert question["score"] > laughter["score"]
    assert laughter["pred"] == 0


def test_that_the_gate_works_without_history(tmp_path: Path) -> None:
    rows = judged(tmp_path, "gate", text_rows(), kb=write(tmp_path / "kb.jsonl", KB))
    assert all(is_chance(row["score"]) and row["pred"] in (0, 1) for row in rows)
    assert rows[1] == {"id": "t1", "score": 0.0, "pred": 0}
