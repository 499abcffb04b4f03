"""Files of predictions are whole or not there, and errors are sentences that name the place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from predicting import judged, options, read, write

from evals.predict import run_predict


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr().err
    assert "Traceback" not in told
    return told


def test_that_a_missing_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_predict("emotion", tmp_path / "missing.jsonl", tmp_path / "out.jsonl", options()) == 1
    assert "missing.jsonl" in complaint(capsys)
    assert not (tmp_path / "out.jsonl").exists()


def test_that_a_broken_line_is_named_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"id": 1, "text": "好"}\n{"id": 2, "te\n', "utf-8")
    (tmp_path / "out.jsonl").write_text("as before", "utf-8")
    assert run_predict("redact", source, tmp_path / "out.jsonl", options()) == 1
    told = complaint(capsys)
    assert "in.jsonl" in told
    assert "line 2" in told
    assert (tmp_path / "out.jsonl").read_text("utf-8") == "as before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"id": 7}, "`text`"),
        ({"id": 7, "text": 3}, "text, not int"),
        ({"text": "好"}, "neither `id` nor `qid`"),
        ([1], "object"),
    ],
)
def test_that_a_row_out_of_form_is_named(
    row: object, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in.jsonl", [{"id": 1, "text": "好"}, row])
    assert run_predict("redact", source, tmp_path / "out.jsonl", options()) == 1
    told = complaint(capsys)
    assert word in told
    assert "2" in told
    assert not (tmp_path / "out.jsonl").exists()


def test_that_an_unknown_task_and_a_missing_option_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in.jsonl", [])
    assert run_predict("fortune", source, tmp_path / "out.jsonl", options()) == 1
    assert "triage" in complaint(capsys)
    assert run_predict("retrieve", source, tmp_path / "out.jsonl", options()) == 1
    assert "--kb" in complaint(capsys)
    assert (
        run_predict("triage", source, tmp_path / "out.jsonl", options(intents=write(tmp_path / "own.jsonl", []))) == 1
    )
    assert "own.jsonl" in complaint(capsys)


def test_that_packed_files_are_read_and_written(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl.gz", tmp_path / "deep" / "out.jsonl.gz"
    source.write_bytes(gzip.compress('{"id": "x", "text": "手机13812345678"}\n'.encode()))
    assert run_predict("redact", source, target, options()) == 0
    assert json.loads(gzip.decompress(target.read_bytes())) == {"id": "x", "spans": [[2, 13, "PHONE"]]}


def test_that_ids_keep_their_kind_and_unknown_fields_are_ignored(tmp_path: Path) -> None:
    rows = [{"id": 3, "text": "a", "more": {"x": 1}}, {"qid": "q", "text": None}, {"id": None, "text": "b"}]
    source = tmp_path / "in.jsonl"
    source.write_bytes(b"\xef\xbb\xbf" + b"\n\n".join(json.dumps(row).encode() for row in rows))
    assert run_predict("redact", source, tmp_path / "out.jsonl", options()) == 0
    assert [{k: v for k, v in row.items() if k != "spans"} for row in read(tmp_path / "out.jsonl")] == [
        {"id": 3},
        {"qid": "q"},
        {"id": None},
    ]


def test_that_the_same_rows_give_the_same_predictions(tmp_path: Path) -> None:
    rows = [{"id": place, "text": text} for place, text in enumerate(["怎么退款", "气死我了", "转人工", "😂"])]
    assert judged(tmp_path, "emotion", rows) == judged(tmp_path, "emotion", rows)
