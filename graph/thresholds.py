"""Every number the policy decides by, in one place; a deployer may set any of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.emotion import Trajectory


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Chances are 0–1, intensity 0–3, valence −1…1, budgets in seconds."""

    #: Flags of triage from which a text counts as asking for a person, instructing the bot, insulting, or urgent.
    wants_human: float = 0.6
    #: The intent "wants a person" counts only when the flag says at least this much: two readers, one mistake each.
    wants_human_seconded: float = 0.3
    injection: float = 0.7
    offensive: float = 0.8
    urgent: float = 0.6
    #: From this confidence on, the intent is taken for true; from `leaning` on, where the words tell of trouble;
    #: only from `intent_sure` on, where a question would be waved off as small talk.
    intent: float = 0.45
    intent_sure: float = 0.75
    leaning: float = 0.25
    #: An entry is given word for word: its chance of answering is `faq_sure`, or `faq` and its question is nearly
    #: the one asked (`near`, likeness of the two).
    faq_sure: float = 0.9
    faq: float = 0.75
    near: float = 0.55
    #: Likeness from which an entry is taken to be written for just this trouble, so that no ticket is needed.
    exact: float = 0.6
    #: Without a model, an extract of the best entry is given from `answer` on; from `clarify` on we ask back.
    answer: float = 0.68
    clarify: float = 0.35
    #: With a model, it may try from here on.
    compose: float = 0.35
    #: An angry customer of this intensity, or a complaint in this mood, reaches a person.
    angry: float = 2.0
    complaint_valence: float = -0.2
    trajectory: Trajectory = field(default_factory=Trajectory)
    #: So many questions in a row without an answer, then the next goes to a person.
    unknown: int = 1
    #: Candidate questions offered when we ask back, each with at least this share of the best one's score.
    candidates: int = 3
    candidate_share: float = 0.55
    #: Time for triage and emotion (more than a model takes there, where one is switched on), for retrieval, for
    #: composing an answer, for a worded ticket, for the whole turn.
    finder_s: float = 2.5
    retrieve_s: float = 2.0
    answer_s: float = 8.0
    ticket_s: float = 5.0
    turn_s: float = 12.0
