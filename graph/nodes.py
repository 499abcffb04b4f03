"""The nodes: each takes the state of a turn and gives what it adds. Order and edges stand in `support_graph.py`."""

from __future__ import annotations

from langgraph.runtime import Runtime

from agents.cues import SOCIAL, read_cues
from conversation.findings import Emotion, Retrieval, Triage
from conversation.identity import Speaker
from conversation.outcomes import Relayed, StayedSilent
from graph import endings
from graph.answering import draft_answer, settle_answer
from graph.context import TurnContext
from graph.escalation import decide as decide_route
from graph.finders import finder
from graph.options import in_words, offered
from graph.searching import find_passages
from graph.sight import Sight
from graph.state import TurnState

Context = Runtime[TurnContext]

#: Characters of a question that are classified; nobody opens a matter beyond them.
QUESTION_CHARS = 1000
CONTEXT_LINES = 3


async def open_turn(state: TurnState, runtime: Context) -> TurnState:
    """Puts the burst into one question: a picked option becomes the words it stands for."""
    turn = runtime.context.turn
    question = in_words(turn.text, turn.history)[:QUESTION_CHARS]
    return {"question": question, "asked_back": bool(offered(turn.history)), "cues": read_cues(question)}


async def relay(state: TurnState, runtime: Context) -> TurnState:
    """Passes the words on to the person who has the conversation, or is on the way to it."""
    route = state.get("route")
    return {"outcome": Relayed(route.reason if route else "staff_owns")}


@finder("triage", within=lambda t: t.finder_s, default=lambda: {"triage": Triage()})
async def triage(state: TurnState, runtime: Context) -> TurnState:
    """What does the customer want?"""
    read = await runtime.context.specialists.triage.read(state["question"])
    return {"triage": read.triage, "usage": read.usage, "prompt_versions": _versions(read.prompt_version)}


@finder("read_emotion", within=lambda t: t.finder_s, default=lambda: {"emotion": Emotion()})
async def read_emotion(state: TurnState, runtime: Context) -> TurnState:
    """How does the customer feel?"""
    read = await runtime.context.specialists.emotion.read(state["question"])
    return {"emotion": read.emotion, "usage": read.usage, "prompt_versions": _versions(read.prompt_version)}


@finder("retrieve", within=lambda t: t.retrieve_s, default=lambda: {"retrieval": Retrieval()})
async def retrieve(state: TurnState, runtime: Context) -> TurnState:
    """What does the knowledge base say to this? Thanks and greetings ask it nothing."""
    if state["cues"] & SOCIAL:
        return {"retrieval": Retrieval()}
    said = [line.text for line in runtime.context.turn.history if line.speaker is Speaker.CUSTOMER]
    context = runtime.context
    found = await find_passages(
        state["question"], said[-CONTEXT_LINES:], context.retriever, enough=context.thresholds.answer
    )
    return {"retrieval": found}


async def decide(state: TurnState, runtime: Context) -> TurnState:
    """Asks the policy table where to go."""
    return {"route": decide_route(sight_of(state, runtime.context))}


async def stay_silent(state: TurnState, runtime: Context) -> TurnState:
    """Says nothing, on purpose."""
    return {"outcome": StayedSilent(state["route"].reason)}


async def chat(state: TurnState, runtime: Context) -> TurnState:
    """One short line that needs no knowledge."""
    return {"outcome": endings.chatted(state["route"].reason, runtime.context)}


async def clarify(state: TurnState, runtime: Context) -> TurnState:
    """Asks back, or says honestly that we do not know."""
    return {"outcome": endings.clarified(state["route"].reason, sight_of(state, runtime.context), runtime.context)}


async def answer(state: TurnState, runtime: Context) -> TurnState:
    """Drafts an answer from the passages: an entry, an extract, or one model call."""
    return await draft_answer(state["route"].reason, sight_of(state, runtime.context), runtime.context)


async def check_answer(state: TurnState, runtime: Context) -> TurnState:
    """Lets a draft leave, or finds the honest way out."""
    return settle_answer(state, sight_of(state, runtime.context), runtime.context)


async def act(state: TurnState, runtime: Context) -> TurnState:
    """Tends the tickets the customer has."""
    context = runtime.context
    tickets = context.turn.conversation.tickets
    outcome = context.specialists.ticket.tend(state["question"], state["cues"], tickets, context.words)
    return {"outcome": outcome}


async def open_ticket(state: TurnState, runtime: Context) -> TurnState:
    """Opens a ticket for what needs hands, or adds to the one that already holds it."""
    return await endings.ticketed(sight_of(state, runtime.context), runtime.context, state["route"].reason)


async def hand_off(state: TurnState, runtime: Context) -> TurnState:
    """Calls a person, and tells the customer so."""
    return {"outcome": endings.handed_off(state["route"].reason, sight_of(state, runtime.context), runtime.context)}


def sight_of(state: TurnState, context: TurnContext) -> Sight:
    """What the policy may look at."""
    return Sight(
        turn=context.turn,
        question=state["question"],
        cues=state["cues"],
        triage=state["triage"],
        emotion=state["emotion"],
        retrieval=state["retrieval"],
        defaulted=state.get("defaulted", ()),
        can_compose=context.specialists.answer.can_compose,
        asked_back=state["asked_back"],
        thresholds=context.thresholds,
    )


def _versions(version: str) -> tuple[str, ...]:
    return (version,) if version else ()
