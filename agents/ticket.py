"""The ticket agent: tends the tickets a customer already has, and drafts one for what needs a person's hands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from pydantic import BaseModel

from agents.cues import Cue
from agents.figures import figures
from agents.labels import INTENT_NAMES, MOOD_NAMES
from agents.prompts import PromptLibrary, as_data, clip
from agents.slots import Slots, find_slots, is_only_numbers
from conversation.findings import Emotion, Intent, Triage, Usage
from conversation.identity import Speaker
from conversation.outcomes import Acted, Clarified, TicketDraft, TicketNote, Urgency
from conversation.redaction import Redact, redact
from conversation.turn import KnownTicket, Line
from conversation.wording import Wording
from llm.chat_model import ChatModel, ModelUnavailable

FIELDS = ("kind", "window", "text")
OPEN_STATUSES = frozenset({"open", "processing", "waiting_customer"})
#: Matters that staff cannot touch without an order number.
NEEDS_ORDER = frozenset(
    {Intent.ORDER_STATUS, Intent.LOGISTICS, Intent.CHANGE_ORDER, Intent.REFUND, Intent.RETURN_EXCHANGE}
)
TITLE_CHARS = 32
SUMMARY_CHARS = 300
NOTE_CHARS = 300


class TicketForm(BaseModel):
    """What the model fills in."""

    title: str
    summary: str
    urgent: bool


@dataclass(frozen=True, slots=True)
class TicketCase:
    """What a ticket is drafted from. `kind` is an intent; `history` the earlier lines, oldest first."""

    kind: str
    text: str
    history: Sequence[Line] = ()
    triage: Triage = field(default_factory=Triage)
    emotion: Emotion = field(default_factory=Emotion)
    tier: str = "normal"


@dataclass(frozen=True, slots=True)
class DraftedTicket:
    """A draft, whether the order number is still missing, and what it cost."""

    draft: TicketDraft
    needs_order: bool
    usage: Usage = field(default_factory=Usage)
    prompt_version: str = ""


class TicketAgent:
    """Works on tickets by rules; with a `model` (off unless given) it words a draft in one call.

    `names` are those of a deployer's own intents.
    """

    def __init__(
        self,
        prompts: PromptLibrary,
        model: ChatModel | None = None,
        *,
        names: Mapping[str, str] = MappingProxyType({}),
        redact: Redact = redact,
    ) -> None:
        self._redact = redact
        self._names = {**INTENT_NAMES, **names}
        self._template = prompts.template("ticket", FIELDS)
        self._model = model

    def tend(
        self, text: str, cues: Collection[Cue], tickets: Sequence[KnownTicket], words: Wording
    ) -> Acted | Clarified:
        """Tells, urges, closes, reopens or adds to one of the customer's own tickets, as the text asks.

        A number that is not among `tickets` is somebody else's or none: nothing is told about it.
        """
        named = find_slots(text).tickets
        if named and not any(ticket.number in named for ticket in tickets):
            return Acted(words.not_yours.format(number=named[0]), "ticket_not_known")
        if not tickets:
            return Acted(words.none_known, "no_ticket")
        opened = [ticket for ticket in tickets if ticket.status in OPEN_STATUSES]
        meant = [ticket for ticket in tickets if ticket.number in named] or opened or [tickets[0]]
        writes = Cue.CLOSES in cues or Cue.URGES in cues or Cue.ADDS in cues or is_only_numbers(text)
        if writes and len(meant) > 1:
            return Clarified(words.which_ticket(meant), "which_ticket")
        if not writes:
            return Acted("\n".join(words.about_ticket(words.state, ticket) for ticket in meant[:3]), "ticket_status")
        return self._write(text, cues, meant[0], words)

    def note_on_open(self, kind: str, text: str, tickets: Sequence[KnownTicket], words: Wording) -> Acted | None:
        """The customer asks again for what an open ticket of the same kind already holds: add to it, open no second."""
        same = next((t for t in tickets if t.kind == kind and t.status in OPEN_STATUSES), None)
        if same is None or _another_order(text, same):
            return None
        return Acted(
            words.about_ticket(words.noted, same), "ticket_noted", (TicketNote(same.number, self._told(text)),)
        )

    def _write(self, text: str, cues: Collection[Cue], ticket: KnownTicket, words: Wording) -> Acted:
        is_open = ticket.status in OPEN_STATUSES
        if Cue.CLOSES in cues:
            if not is_open:
                return Acted(words.about_ticket(words.state, ticket), "ticket_status")
            note = TicketNote(ticket.number, f"客户要求关闭：{self._told(text)}", close=True)
            return Acted(words.about_ticket(words.closed, ticket), "ticket_closed", (note,))
        if not is_open:
            note = TicketNote(ticket.number, f"客户要求继续处理：{self._told(text)}", reopen=True)
            return Acted(words.about_ticket(words.reopened, ticket), "ticket_reopened", (note,))
        if Cue.URGES in cues:
            note = TicketNote(ticket.number, f"客户催办：{self._told(text)}", urge=True)
            return Acted(words.about_ticket(words.urged, ticket), "ticket_urged", (note,))
        note = TicketNote(ticket.number, f"客户补充：{self._told(text)}")
        return Acted(words.about_ticket(words.noted, ticket), "ticket_noted", (note,))

    async def draft(self, case: TicketCase, *, budget_s: float) -> DraftedTicket:
        """A ticket for staff, personal data blanked. A model that fails or invents leaves the draft of the rules."""
        slots = _all_slots(case)
        ruled = DraftedTicket(
            _ruled(case, slots, self._name(case), self._redact),
            case.kind in NEEDS_ORDER and not (slots.orders or slots.trackings),
        )
        if self._model is None:
            return ruled
        window = "\n".join(
            as_data(self._redact(line.text)) for line in case.history[-4:] if line.speaker is Speaker.CUSTOMER
        )
        values = {
            "kind": as_data(self._name(case)),
            "window": f"<此前客户说>\n{clip(window, 150)}\n</此前客户说>\n" if window else "",
            "text": clip(as_data(self._redact(case.text)), 200),
        }
        prompt = self._template.prompt(values)
        try:
            filled = await self._model.fill(prompt, TicketForm, budget_s=budget_s)
        except ModelUnavailable as error:
            return DraftedTicket(ruled.draft, ruled.needs_order, error.usage)
        draft = _worded(filled.value, ruled.draft, case)
        return DraftedTicket(draft, ruled.needs_order, filled.usage, prompt.version)

    def _told(self, text: str) -> str:
        return _short(self._redact(text).strip(), NOTE_CHARS)

    def _name(self, case: TicketCase) -> str:
        return self._names.get(case.kind, case.kind)


def _ruled(case: TicketCase, slots: Slots, name: str, redact: Redact) -> TicketDraft:
    told = redact(case.text).strip()
    lines = [f"客户：{told[:SUMMARY_CHARS]}"]
    earlier = [redact(line.text) for line in case.history if line.speaker is Speaker.CUSTOMER and len(line.text) > 5]
    lines += [f"此前：{'；'.join(earlier[-2:])[:SUMMARY_CHARS]}"] if earlier else []
    lines += [f"订单号：{'、'.join(slots.orders)}"] if slots.orders else []
    lines += [f"物流单号：{'、'.join(slots.trackings)}"] if slots.trackings else []
    lines += [f"情绪：{MOOD_NAMES.get(case.emotion.label, case.emotion.label)}"] if case.emotion.intensity >= 1 else []
    title = f"{name}：{told.splitlines()[0] if told else ''}"
    tags = tuple(tag for tag in (case.kind, case.triage.category) if tag)
    return TicketDraft(
        case.kind, _short(title, TITLE_CHARS), "\n".join(lines), _urgency(case), tuple(dict.fromkeys(tags))
    )


def _urgency(case: TicketCase) -> Urgency:
    pressing = case.triage.flags.urgent >= 0.6 or case.emotion.intensity >= 2 or case.tier == "vip"
    return Urgency.HIGH if pressing else Urgency.NORMAL


def _worded(form: TicketForm, ruled: TicketDraft, case: TicketCase) -> TicketDraft:
    """The model's words, unless a number in them was never said."""
    said = "\n".join([case.text, *(line.text for line in case.history)])
    told = f"{form.title}\n{form.summary}"
    if not form.title.strip() or not form.summary.strip() or figures(told) - figures(said):
        return ruled
    urgency = Urgency.HIGH if form.urgent else ruled.urgency
    handles = "\n".join(line for line in ruled.summary.splitlines() if line.startswith(("订单号：", "物流单号：")))
    summary = f"{form.summary.strip()[:SUMMARY_CHARS]}\n{handles}".strip()
    return TicketDraft(ruled.kind, _short(form.title.strip(), TITLE_CHARS), summary, urgency, ruled.tags)


def _all_slots(case: TicketCase) -> Slots:
    """The numbers of the text, else those the customer gave before."""
    slots = find_slots(case.text)
    if slots.orders or slots.trackings:
        return slots
    return find_slots("\n".join(line.text for line in case.history if line.speaker is Speaker.CUSTOMER))


def _another_order(text: str, ticket: KnownTicket) -> bool:
    """True when the text names an order and the ticket's title another one."""
    asked, known = find_slots(text).orders, find_slots(ticket.title).orders
    return bool(asked and known and not set(asked) & set(known))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
