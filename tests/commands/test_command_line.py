"""The command line as people meet it: processes of their own, exit codes, words on stdout, one sentence on stderr."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "knowledge" / "sample"


def environment(folder: Path, **more: str) -> dict[str, str]:
    """This process's environment without any setting of ours, but for those given."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HUIYING_")}
    return {**plain, "HUIYING_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT), **more}


def huiying(*words: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """One command, run to its end in `cwd`, its data in `cwd`/var unless `HUIYING_DATA_DIR` says otherwise."""
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        cwd=cwd,
        env={**environment(cwd / "var"), **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def sentence(ended: subprocess.CompletedProcess[str]) -> str:
    """What a refused command said, after making sure that it was refused in words."""
    assert ended.returncode == 1, ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr
    assert ended.stderr.startswith("huiying: ")
    return ended.stderr


def findings(ended: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert "Traceback" not in ended.stderr, ended.stderr
    return {one["subject"]: one for one in json.loads(ended.stdout)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder whose knowledge base holds the sample shop."""
    folder = tmp_path_factory.mktemp("shop")
    imported = huiying("kb", "import", str(SAMPLE), "--json", cwd=folder)
    assert imported.returncode == 0, imported.stderr
    assert sum(one["added"] for one in json.loads(imported.stdout)["files"]) > 20
    return folder


def test_the_entry_lists_its_commands(tmp_path: Path) -> None:
    shown = huiying("--help", cwd=tmp_path)
    assert shown.returncode == 0
    for command in ("serve", "ask", "kb", "predict", "eval", "replay", "bench", "doctor"):
        assert command in shown.stdout


def test_what_was_imported_is_found(folder: Path) -> None:
    found = huiying("kb", "search", "怎么申请退款", "--json", cwd=folder)
    rows = json.loads(found.stdout)
    assert found.returncode == 0
    assert len(rows) == 5
    assert "退款" in rows[0]["question"]
    assert rows == sorted(rows, key=lambda row: -row["score"])


def test_a_question_is_answered_as_json(folder: Path) -> None:
    asked = huiying("ask", "满多少包邮", "--json", cwd=folder)
    answer = json.loads(asked.stdout)
    assert asked.returncode == 0
    assert answer["outcome"] == "Answered"
    assert "79" in answer["reply"]
    assert answer["citations"]


def test_the_doctor_is_content_without_channels_and_without_a_service(folder: Path) -> None:
    looked = huiying("doctor", "--json", cwd=folder)
    found = findings(looked)
    assert looked.returncode == 0, looked.stdout
    assert found["channels"]["level"] == "doubtful"
    assert found["database"]["level"] == found["knowledge"]["level"] == "good"
    assert not [subject for subject in found if "playground" in subject]


def test_the_doctor_survives_what_is_gone(tmp_path: Path) -> None:
    gone = {
        "HUIYING_DATABASE_URL": "postgresql://shop:s3cret@127.0.0.1:9/shop",
        "HUIYING_REDIS_URL": "here:6379",
        "HUIYING_LLM_BASE_URL": "http://127.0.0.1:9/v1",
        "HUIYING_LLM_MODEL": "without a key",
    }
    looked = huiying("doctor", "--json", cwd=tmp_path, **gone)
    found = findings(looked)
    assert looked.returncode == 1
    assert found["database"]["level"] == "bad"
    assert "127.0.0.1:9/shop" in found["database"]["words"]
    assert found["redis"]["level"] == "bad"
    assert found["chroma"]["level"] == "good"
    assert "ConnectError" in found["language model"]["words"], "an empty key is no header at all"
    assert "s3cret" not in looked.stdout + looked.stderr


def test_what_cannot_work_ends_in_a_sentence_that_mends_it(folder: Path) -> None:
    (folder / "no_import.yaml").write_text("knowledge: {import: [gone.csv]}\nport: 0\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        cases: list[tuple[tuple[str, ...], dict[str, str], str]] = [
            (("ask", "在吗"), {"HUIYING_DATABASE_URL": "postgresql://u:pw@127.0.0.1:9/x"}, "127.0.0.1:9/x"),
            (("serve",), {"HUIYING_PORT": port}, f"127.0.0.1:{port}"),
            (("serve",), {"HUIYING_CONFIG": "no_import.yaml"}, "gone.csv"),
        ]
        with ThreadPoolExecutor(2) as pool:
            ended = list(pool.map(lambda case: huiying(*case[0], cwd=folder, **case[1]), cases))
    for (words, _, said), one in zip(cases, ended, strict=True):
        assert said in sentence(one), words
        assert "pw@" not in one.stderr


def test_signals_end_the_service_in_good_order(folder: Path) -> None:
    settings = environment(folder / "var", HUIYING_PORT="0")
    service = subprocess.Popen(
        [sys.executable, "-m", "app", "serve"], cwd=folder, env=settings, stderr=subprocess.PIPE, text=True
    )
    assert service.stderr is not None
    address = next(line.split("→")[1].strip() for line in service.stderr if "→" in line)
    with urllib.request.urlopen(f"{address}/readyz") as answer:
        assert answer.status == 200
    service.send_signal(signal.SIGTERM)
    service.send_signal(signal.SIGINT)  # somebody is impatient
    _, rest = service.communicate(timeout=30)
    assert service.returncode == 0, rest
    assert "Traceback" not in rest
