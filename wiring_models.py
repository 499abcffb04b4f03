"""Loads the local models that ship; where their files are damaged, refuses or stands in, as the settings say."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from agents.classifier import ReadsEmotion, ReadsFlags, ReadsIntent
from agents.local_classifier import Doubt, LocalEmotion, LocalFlags, LocalTriage, shipped_doubt
from agents.stand_in import StandInEmotion, StandInFlags, stand_in_intents
from conversation.redaction import Redactor
from retrieval.embedder import Embedder
from retrieval.models.redaction_tagger import RedactionTagger
from retrieval.models.weights_folder import DamagedModel
from retrieval.ngram_embedder import NgramEmbedder
from retrieval.static_encoder import StaticEncoder
from settings import Settings

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Classifiers:
    """What reads a text without a language model."""

    intents: ReadsIntent
    emotions: ReadsEmotion
    flags: ReadsFlags
    doubt: Doubt
    redactor: Redactor
    encoder: Embedder


def load_classifiers(settings: Settings) -> Classifiers:
    """The shipped classifiers. Blocks a moment; raises `DamagedModel` where the settings do not let it fall back."""
    encoder = shipped_embedder(settings)
    return Classifiers(*_heads(settings, encoder), _redactor(settings), encoder)


def shipped_embedder(settings: Settings) -> Embedder:
    """The embedder that needs no setting; raises `DamagedModel` where the settings do not let it fall back."""
    try:
        return StaticEncoder.shipped()
    except DamagedModel as damage:
        _say_or_refuse(settings, damage, "entries are found by their words alone")
        return NgramEmbedder()


def _heads(settings: Settings, encoder: Embedder) -> tuple[ReadsIntent, ReadsEmotion, ReadsFlags, Doubt]:
    try:
        return LocalTriage.shipped(), LocalEmotion.shipped(), LocalFlags.shipped(), shipped_doubt()
    except DamagedModel as damage:
        _say_or_refuse(settings, damage, "intents, moods and flags are read by a much weaker stand-in")
        return stand_in_intents(encoder), StandInEmotion(encoder), StandInFlags(encoder), Doubt()


def _redactor(settings: Settings) -> Redactor:
    try:
        return Redactor(RedactionTagger.shipped())
    except DamagedModel as damage:
        _say_or_refuse(settings, damage, "names and addresses are blanked by rules alone")
        return Redactor(None)


def _say_or_refuse(settings: Settings, damage: DamagedModel, instead: str) -> None:
    if settings.damaged_models == "refuse":
        raise damage
    logger.error("models.damaged", file=str(damage.path), reason=str(damage), instead=instead)
