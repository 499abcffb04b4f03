"""One turn of thought as a static graph. It reads from top to bottom as docs/support_graph.md shows it.

No checkpointer: a turn is short, its messages are durable in the inbox, and history lives in our own tables.
"""

from __future__ import annotations

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graph import nodes
from graph.context import TurnContext
from graph.escalation import Step
from graph.routes import FINDERS, may_leave, what_next, who_speaks
from graph.state import TurnState

SupportGraph = CompiledStateGraph[TurnState, TurnContext, TurnState, TurnState]


def build_support_graph() -> SupportGraph:
    """The compiled graph; stateless, one for all turns."""
    graph = StateGraph(TurnState, context_schema=TurnContext)

    graph.add_node("open_turn", nodes.open_turn)
    graph.add_node("relay", nodes.relay)
    graph.add_node("triage", nodes.triage)
    graph.add_node("read_emotion", nodes.read_emotion)
    graph.add_node("retrieve", nodes.retrieve)
    graph.add_node("decide", nodes.decide)
    graph.add_node("stay_silent", nodes.stay_silent)
    graph.add_node("chat", nodes.chat)
    graph.add_node("clarify", nodes.clarify)
    graph.add_node("answer", nodes.answer)
    graph.add_node("check_answer", nodes.check_answer)
    graph.add_node("act", nodes.act)
    graph.add_node("open_ticket", nodes.open_ticket)
    graph.add_node("hand_off", nodes.hand_off)

    graph.add_edge(START, "open_turn")
    graph.add_conditional_edges("open_turn", who_speaks, ["relay", *FINDERS])
    graph.add_edge(list(FINDERS), "decide")
    graph.add_conditional_edges("decide", what_next, list(Step))
    graph.add_edge("answer", "check_answer")
    graph.add_conditional_edges("check_answer", may_leave, ["clarify", "open_ticket", "hand_off", END])
    for last in ("relay", "stay_silent", "chat", "clarify", "act", "open_ticket", "hand_off"):
        graph.add_edge(last, END)

    return graph.compile()
