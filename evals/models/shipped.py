"""Every shipped local model, loaded as a worker loads them; measured by `speed_child.py`."""

from __future__ import annotations

from dataclasses import dataclass

from agents.duplicate import LocalDuplicate
from agents.gate import LocalGate
from agents.local_classifier import LocalEmotion, LocalFlags, LocalTriage
from conversation.redaction import Redactor
from retrieval.calibration import RetrievalModel, load_model
from retrieval.models.redaction_tagger import RedactionTagger
from retrieval.static_encoder import StaticEncoder

QUESTION = "退款多久能到账"


@dataclass(frozen=True, slots=True)
class Shipped:
    """All of them, kept."""

    encoder: StaticEncoder
    triage: LocalTriage
    emotion: LocalEmotion
    flags: LocalFlags
    duplicate: LocalDuplicate
    gate: LocalGate
    redactor: Redactor
    ranking: RetrievalModel

    @classmethod
    def load(cls) -> Shipped:
        """Reads the weights. Raises `DamagedModel`."""
        encoder = StaticEncoder.shipped()
        return cls(
            encoder,
            LocalTriage.shipped(),
            LocalEmotion.shipped(),
            LocalFlags.shipped(),
            LocalDuplicate.shipped(),
            LocalGate.shipped(),
            Redactor(RedactionTagger.shipped()),
            load_model(encoder.name),
        )

    def heads(self, text: str) -> None:
        """What every message is read for: intent, mood, flags."""
        self.triage.read(text)
        self.emotion.read(text)
        self.flags.read(text)

    def everything(self, text: str) -> None:
        """A text read by every model of texts; the rules of redaction read all of a long text and are left out."""
        self.encoder.embed([text])
        self.heads(text)
        self.gate.sounds(text)
        self.duplicate.chance(text, QUESTION)
        if self.redactor.tagger is not None:
            self.redactor.tagger.tag(text, ())
