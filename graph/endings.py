"""How turns end in words: the outcome of each step, with the line the customer reads."""

from __future__ import annotations

from agents.ticket import TicketCase
from conversation.findings import Intent
from conversation.messages import ContentKind
from conversation.outcomes import Answered, Clarified, HandedOff, Outcome, Relayed, StayedSilent, TicketOpened, Urgency
from conversation.wording import Wording
from graph.context import TurnContext
from graph.media import first_media
from graph.sight import Sight
from graph.state import TurnState

#: Reasons of a handoff that call for an apology and for haste.
SORE = frozenset({"upset", "complaint", "mood_worsening"})
QUESTION_CHARS = 60


def chatted(reason: str, context: TurnContext) -> Outcome:
    """One line of politeness, or of what we can and cannot do."""
    words = context.words
    if reason == "still_waiting":
        return Clarified(words.still_waiting(context.turn.desk), reason)
    if reason in ("refusal", "can_do"):
        return Clarified({"refusal": words.refusal, "can_do": words.can_do}[reason], reason)
    lines = {
        "thanks": words.thanks,
        "goodbye": words.goodbye,
        "greeting": words.greeting,
        "feedback": words.feedback,
        "small_talk": words.small_talk,
    }
    return Answered(lines[reason], reason)


def clarified(reason: str, sight: Sight, context: TurnContext) -> Clarified:
    """A question back; `unknown` where the knowledge base had nothing to offer."""
    words, media = context.words, first_media(context.turn)
    if reason == "media":
        return Clarified(_unread(media, words), reason)
    if reason == "not_helped":
        return Clarified(words.not_helped, reason, unknown=True)
    if reason == "candidates":
        offered = _candidates(sight)
        if offered:
            return Clarified(words.clarify(offered), reason)
    return Clarified(_unread(media, words) if media else words.unknown, "unknown", unknown=True)


def _candidates(sight: Sight) -> list[str]:
    """The questions that may have been meant, likeliest first."""
    passages, rule = sight.retrieval.passages, sight.thresholds
    least = passages[0].score * rule.candidate_share if passages else 0.0
    questions = dict.fromkeys(p.question.strip()[:QUESTION_CHARS] for p in passages if p.score >= least)
    return [question for question in questions if question][: rule.candidates]


def _unread(kind: ContentKind | None, words: Wording) -> str:
    """The line that says what we cannot look at."""
    lines = {ContentKind.IMAGE: words.image_unread, ContentKind.VOICE: words.voice_unread}
    return lines.get(kind, words.file_unread) if kind else words.file_unread


async def ticketed(sight: Sight, context: TurnContext, reason: str) -> TurnState:
    """A new ticket, or a note on the open one of the same kind; asks for the order number where it is missing."""
    turn = context.turn
    kind = sight.triage.intent if sight.is_about(sight.triage.intent) else str(Intent.OTHER)
    noted = context.specialists.ticket.note_on_open(kind, sight.question, turn.conversation.tickets, context.words)
    if noted is not None:
        return {"outcome": noted}
    case = TicketCase(kind, sight.question, turn.history, sight.triage, sight.emotion, turn.conversation.tier)
    drafted = await context.specialists.ticket.draft(case, budget_s=context.budget(context.thresholds.ticket_s))
    reply = context.words.ticket_opened(turn.desk, ask_order=drafted.needs_order, apologise=sight.upset)
    return {
        "outcome": TicketOpened(reply, reason, drafted.draft),
        "usage": drafted.usage,
        "prompt_versions": (drafted.prompt_version,) if drafted.prompt_version else (),
    }


def handed_off(reason: str, sight: Sight, context: TurnContext) -> HandedOff:
    """The honest line: a person, and by when."""
    desk = context.turn.desk
    reply = context.words.handed_off(
        desk, apologise=reason in SORE or sight.upset, because=context.words.trouble if reason == "failed" else ""
    )
    urgency = Urgency.HIGH if reason in SORE or sight.presses else Urgency.NORMAL
    return HandedOff(reply, reason, urgency, desk.reply_within_s if desk.staffed else None)


def lost(context: TurnContext) -> Outcome:
    """The ending of a turn that broke: what a person would want, given who has the conversation."""
    turn = context.turn
    sight = Sight(turn, turn.text, frozenset(), thresholds=context.thresholds)
    if sight.staff_owns or sight.waits_for_staff:
        return Relayed("failed")
    if not sight.addressed:
        return StayedSilent("failed")
    return handed_off("failed", sight, context)
