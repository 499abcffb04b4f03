"""A model file that is missing or damaged: the service names it and refuses, or goes on with a stand-in, loudly."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agents import local_classifier
from conversation.findings import Intent
from retrieval import static_encoder
from retrieval.models import redaction_tagger, weights_folder
from retrieval.models.weights_folder import DamagedModel
from settings import Settings
from wiring_models import load_classifiers, shipped_embedder


def _forget() -> None:
    for remembered in (
        weights_folder._manifest,
        static_encoder._shipped,
        local_classifier._arrays,
        local_classifier._desk_reader,
        local_classifier._abuse_reader,
    ):
        remembered.cache_clear()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the shipped weights, to be damaged."""
    copy = tmp_path / "weights"
    shutil.copytree(weights_folder.SHIPPED, copy)
    for module in (weights_folder, static_encoder, local_classifier):
        monkeypatch.setattr(module, "SHIPPED", copy)
    monkeypatch.setattr(redaction_tagger, "SHIPPED", copy / "redaction.npz")
    _forget()
    yield copy
    monkeypatch.undo()
    _forget()


def damage(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    else:
        packed = bytearray(path.read_bytes())
        packed[len(packed) // 2] ^= 0xFF
        path.write_bytes(packed)


@pytest.mark.parametrize("how", ["missing", "cut", "one byte"])
@pytest.mark.parametrize("name", ["encoder/model.safetensors", "encoder/tokenizer.json", "heads.npz", "redaction.npz"])
def test_a_damaged_file_is_named_and_nothing_starts(weights: Path, name: str, how: str) -> None:
    damage(weights / name, how)
    with pytest.raises(DamagedModel, match=name.rsplit("/", maxsplit=1)[-1]):
        load_classifiers(Settings())


def test_a_manifest_that_is_gone_is_named(weights: Path) -> None:
    (weights / "manifest.json").unlink()
    with pytest.raises(DamagedModel, match=r"manifest\.json"):
        shipped_embedder(Settings())


def test_falling_back_is_said_loudly_and_still_understands_plain_requests(weights: Path) -> None:
    for name in ("encoder/model.safetensors", "redaction.npz"):
        (weights / name).unlink()
    settings = Settings(damaged_models="fall_back")
    with capture_logs() as logs:
        local, embedder = load_classifiers(settings), shipped_embedder(settings)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["models.damaged"] * 4
    assert embedder.name == "ngram-1"
    scores = local.intents.scores("怎么申请退款")
    assert max(scores, key=lambda label: scores[label]) == Intent.REFUND
    assert local.emotions.read("气死我了，什么破服务！").valence < 0
    assert local.flags.read("转人工").wants_human > local.flags.read("几点关门").wants_human
    assert local.redactor.redact("电话13812345678") != "电话13812345678"
