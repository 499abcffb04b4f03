"""A turn always ends in one good outcome: with the model, without it, and with everything broken."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from agents.answer import AnswerForm
from conversation.findings import Emotion
from conversation.outcomes import Answered, Clarified, HandedOff, Relayed, StayedSilent, TicketOpened, reply_of
from conversation.turn import DeskHours
from graph import turn as turn_module
from graph.picture import picture
from graph.support_graph import build_support_graph
from graph.thresholds import Thresholds
from graph.turn import NoOutcome, TurnThinker
from llm.chat_model import ModelUnavailable, Prompt
from llm.scripted_model import ScriptedModel
from tests.graph.casting import ENTRIES, SmallRetriever, specialists, thinker, turn

INVOICE = next(entry for entry in ENTRIES if entry.entry_id == "kb_invoice")
ASKED = "发票要怎么开出来呢，能开专票不"
GOOD = {"can_answer": True, "answer": "在订单详情页点“申请发票”，支持专票。", "citations": [1]}
LIES = {
    "a deed": {"can_answer": True, "answer": "发票申请已提交，24 小时内发到邮箱。", "citations": [1]},
    "a promise": {"can_answer": True, "answer": "客服会在 2 小时内联系您开专票。", "citations": [1]},
    "a figure": {"can_answer": True, "answer": "电子发票 48 小时内发到邮箱。", "citations": [1]},
    "no source": {"can_answer": True, "answer": "在订单详情页点“申请发票”。", "citations": []},
    "an unknown source": {"can_answer": True, "answer": "在订单详情页点“申请发票”。", "citations": [9]},
}


async def hang(prompt: Prompt, shape: object) -> dict[str, object]:
    await asyncio.Event().wait()
    return {}


BROKEN = {
    "unavailable": ScriptedModel([]),
    "malformed": ScriptedModel(["不是 JSON"] * 10),
    "hanging": ScriptedModel(hang),
    "raising": ScriptedModel(lambda prompt, shape: ModelUnavailable("503")),
}


async def test_a_question_between_certainty_and_ignorance_costs_one_call() -> None:
    model = ScriptedModel([GOOD])
    result = await thinker(model, SmallRetriever(bias=0.2)).think(turn(ASKED))
    assert isinstance(result.outcome, Answered)
    assert result.outcome.reply == GOOD["answer"]
    assert result.outcome.citations[0].entry_id == "kb_invoice"
    assert (result.usage.calls, result.outcome.reason) == (1, "composed")
    assert result.prompt_versions[0].startswith("answer@")
    assert result.findings.check is not None
    assert result.findings.check.passed


@pytest.mark.parametrize(
    "text",
    ["怎么申请退款", "谢谢", "转人工", "在吗", "好的", "今天天气不错呀", "帮我取消刚下的订单", "太气人了！！", "😂"],
)
async def test_what_needs_no_model_costs_no_call(text: str) -> None:
    model = ScriptedModel([GOOD] * 3)
    result = await thinker(model).think(turn(text))
    assert model.asked == []
    assert result.usage.calls == 0


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_of_the_model_does_not_leave_and_the_entry_speaks_instead(lie: str) -> None:
    result = await thinker(ScriptedModel([LIES[lie]]), SmallRetriever(bias=0.3)).think(turn(ASKED))
    assert isinstance(result.outcome, Answered)
    assert INVOICE.answer in result.outcome.reply
    assert result.outcome.reason == "extract"
    assert result.findings.check is not None
    assert not result.findings.check.passed
    assert result.usage.calls == 1


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_with_nothing_better_at_hand_ends_in_an_honest_question(lie: str) -> None:
    retriever = SmallRetriever(bias=-0.05)
    result = await thinker(ScriptedModel([LIES[lie]]), retriever).think(turn(ASKED))
    assert isinstance(result.outcome, Clarified)
    assert reply_of(result.outcome) != LIES[lie]["answer"]


async def test_a_model_that_cannot_answer_twice_in_a_row_ends_with_a_person() -> None:
    cannot = {"can_answer": False, "answer": "", "citations": []}
    result = await thinker(ScriptedModel([cannot]), SmallRetriever()).think(turn(ASKED, unknown_count=1))
    assert isinstance(result.outcome, HandedOff)
    assert result.outcome.reason == "check_failed"


@pytest.mark.parametrize("trouble", BROKEN)
async def test_a_broken_model_still_leaves_an_answer_in_time(trouble: str) -> None:
    think = thinker(BROKEN[trouble], SmallRetriever(bias=0.3), Thresholds(answer_s=0.2))
    started = time.monotonic()
    result = await think.think(turn(ASKED))
    assert time.monotonic() - started < 2
    assert isinstance(result.outcome, Answered)
    assert result.outcome.reason == "extract"


@pytest.mark.parametrize("trouble", BROKEN)
async def test_a_broken_model_with_little_to_go_by_asks_back(trouble: str) -> None:
    result = await thinker(BROKEN[trouble], SmallRetriever(bias=-0.05), Thresholds(answer_s=0.2)).think(turn(ASKED))
    assert isinstance(result.outcome, Clarified)


async def test_the_model_gets_no_more_time_than_the_turn_has_left() -> None:
    think = thinker(ScriptedModel(hang), SmallRetriever(bias=0.3), Thresholds(answer_s=60, turn_s=2.0))
    started = time.monotonic()
    result = await think.think(turn(ASKED))
    assert time.monotonic() - started < 2.0
    assert isinstance(result.outcome, Answered)


class Stalling:
    """A classifier that never comes back, and one that raises."""

    def __init__(self, raises: bool) -> None:
        self._raises = raises

    def read(self, text: str) -> Emotion:
        if self._raises:
            raise ValueError("broken model file")
        raise TimeoutError


async def test_finders_that_fail_or_stall_leave_defaults_and_the_turn_goes_on() -> None:
    cast = specialists()
    cast.emotion._reader = Stalling(raises=True)  # the port's promise is broken on purpose
    think = TurnThinker(cast, SmallRetriever(stall_s=30), thresholds=Thresholds(retrieve_s=0.05))
    started = time.monotonic()
    result = await think.think(turn("转人工"))
    assert time.monotonic() - started < 1
    assert isinstance(result.outcome, HandedOff)
    assert set(result.findings.defaulted) == {"read_emotion", "retrieve"}
    assert result.findings.emotion == Emotion()


async def test_all_finders_may_fail_and_the_customer_still_hears_something_true() -> None:
    cast = specialists()
    cast.emotion._reader = Stalling(raises=False)
    cast.triage._flags = Stalling(raises=True)  # type: ignore[assignment]
    result = await TurnThinker(cast, SmallRetriever(fails=True)).think(turn("耳机怎么连"))
    assert isinstance(result.outcome, HandedOff)
    assert set(result.findings.defaulted) == {"triage", "read_emotion", "retrieve"}


class Silent:
    """A graph that ends without an outcome."""

    async def ainvoke(self, state: object, **more: object) -> dict[str, object]:
        return {}


class Endless:
    """A graph that never ends."""

    async def ainvoke(self, state: object, **more: object) -> dict[str, object]:
        await asyncio.Event().wait()
        return {}


@pytest.mark.parametrize("graph", [Silent(), Endless()])
@pytest.mark.parametrize(
    ("surroundings", "kind"),
    [
        ({}, HandedOff),
        ({"owner": "staff_1"}, Relayed),
        ({"waiting_for_staff": True}, Relayed),
        ({"group": True}, StayedSilent),
        ({"group": True, "mentioned": True}, HandedOff),
    ],
)
async def test_a_run_without_outcome_is_refused_and_a_person_takes_over(
    graph: object, surroundings: dict[str, object], kind: type[object]
) -> None:
    think = thinker(thresholds=Thresholds(turn_s=0.1))
    think._graph = graph  # type: ignore[assignment]
    result = await think.think(turn("怎么退款", **surroundings))  # type: ignore[arg-type]
    assert isinstance(result.outcome, kind)
    assert result.route == "failed"


def test_a_state_without_outcome_has_a_name() -> None:
    with pytest.raises(NoOutcome):
        turn_module._result({})


async def test_a_turn_that_is_superseded_stops_thinking() -> None:
    thinking = asyncio.Event()

    async def slow(prompt: Prompt, shape: object) -> dict[str, object]:
        thinking.set()
        await asyncio.Event().wait()
        return {}

    task = asyncio.create_task(thinker(ScriptedModel(slow), SmallRetriever(bias=0.2)).think(turn(ASKED)))
    await thinking.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_many_turns_at_once_do_not_mix() -> None:
    think = thinker(ScriptedModel(lambda prompt, shape: AnswerForm(**GOOD)))
    texts = ["怎么申请退款", "谢谢", "转人工", "会员积分怎么兑换优惠券", "帮我取消刚下的订单"] * 20
    results = await asyncio.gather(*(think.think(turn(text)) for text in texts))
    kinds = [type(result.outcome) for result in results]
    assert kinds == [Answered, Answered, HandedOff, Answered, TicketOpened] * 20


async def test_a_turn_searches_the_question_with_what_the_customer_said_before() -> None:
    heard: list[tuple[str, tuple[str, ...]]] = []

    class Listening(SmallRetriever):
        async def search(self, text: str, *, context: object = (), k: int = 5) -> object:  # type: ignore[override]
            heard.append((text, tuple(context)))  # type: ignore[arg-type]
            return await super().search(text)

    history = [("customer", "我想买耳机"), ("bot", "好的"), ("customer", "红色的")]
    await thinker(retriever=Listening()).think(turn("多少钱", history=history))
    await thinker(retriever=Listening()).think(turn("谢谢"))
    assert heard == [("多少钱", ("我想买耳机", "红色的"))]


async def test_the_desk_decides_what_a_broken_turn_may_promise() -> None:
    think = thinker(thresholds=Thresholds(turn_s=0.1))
    think._graph = Silent()  # type: ignore[assignment]
    result = await think.think(turn("怎么退款", desk=DeskHours(staffed=False, opens="明天 9:00")))
    assert "明天 9:00" in reply_of(result.outcome)


def test_the_picture_in_the_documentation_is_current() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "support_graph.md"
    assert page.read_text(encoding="utf-8") == picture(), "run: python -m graph.picture docs/support_graph.md"


def test_every_way_through_the_graph_ends() -> None:
    drawing = build_support_graph().get_graph()
    ends = {edge.source for edge in drawing.edges if edge.target == "__end__"}
    assert ends == {"relay", "stay_silent", "chat", "clarify", "check_answer", "act", "open_ticket", "hand_off"}
