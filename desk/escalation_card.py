"""The escalation as staff see it: a card that is read in ten seconds and says what may be done now."""

from __future__ import annotations

from dataclasses import dataclass

from agents.handoff_brief import Brief
from conversation.messages import Button, ButtonStyle, Card, CardTone
from conversation.outcomes import Urgency
from conversation.staff_wording import StaffWording
from desk.escalations import Handoff


@dataclass(frozen=True, slots=True)
class CaseHead:
    """Who waits, and where: for the first line of the card."""

    customer: str
    room: str
    channel: str
    tier: str = "normal"


def escalation_card(handoff: Handoff, brief: Brief, head: CaseHead, words: StaffWording) -> Card:
    """The card for the state the escalation is in; buttons only for what can be done."""
    sections = [
        (words.customer, _who(head, words)),
        (words.reason, words.reasons.get(handoff.reason, handoff.reason)),
        *_brief_sections(brief, words),
    ]
    return Card(
        title=f"{words.titles[handoff.status]} · {brief.headline}",
        sections=tuple(sections),
        buttons=_buttons(handoff, words),
        tone=_tone(handoff),
        note=words.notes[handoff.status].format(staff=handoff.staff_name),
    )


def _who(head: CaseHead, words: StaffWording) -> str:
    tier = "" if head.tier == "normal" else f" · {head.tier}"
    where = " · ".join(part for part in (words.channels.get(head.channel, head.channel), head.room) if part)
    return f"{head.customer or words.unknown_customer}{tier} · {where}"


def _brief_sections(brief: Brief, words: StaffWording) -> list[tuple[str, str]]:
    named = [
        (words.wants, brief.wants),
        (words.tried, brief.tried),
        (words.mood, brief.mood),
        (words.facts, "；".join(brief.facts)),
        (words.tickets, "、".join(brief.tickets)),
        (words.suggested_reply, _suggestion(brief)),
    ]
    return [(name, text) for name, text in named if text]


def _suggestion(brief: Brief) -> str:
    if not brief.suggested_reply:
        return ""
    sources = "、".join(f"《{citation.quote}》" for citation in brief.citations)
    return f"{brief.suggested_reply}（{sources}）" if sources else brief.suggested_reply


def _buttons(handoff: Handoff, words: StaffWording) -> tuple[Button, ...]:
    def button(text: str, action: str, style: ButtonStyle) -> Button:
        return Button(text, {"action": action, "handoff": handoff.handoff_id}, style)

    if handoff.status == "waiting":
        return (
            button(words.take, "take", ButtonStyle.PRIMARY),
            button(words.resolve, "resolve", ButtonStyle.DEFAULT),
        )
    if handoff.status == "taken":
        return (
            button(words.give_back, "give_back", ButtonStyle.DEFAULT),
            button(words.resolve, "resolve", ButtonStyle.PRIMARY),
        )
    return ()


def _tone(handoff: Handoff) -> CardTone:
    if handoff.status == "waiting":
        return CardTone.URGENT if handoff.urgency == Urgency.HIGH else CardTone.WAITING
    return CardTone.CALM if handoff.status == "taken" else CardTone.DONE
