"""A brief is read in ten seconds, tells what matters, and holds no fact that was not said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.figures import figures
from agents.handoff_brief import Brief, BriefAgent, CaseFile
from agents.prompts import PromptLibrary
from conversation.findings import Emotion, Passage
from conversation.identity import Person, Room, RoomKind, Speaker
from conversation.staff_wording import staff_wording
from conversation.turn import Conversation, KnownTicket, Line
from llm.scripted_model import ScriptedModel

PROMPTS = PromptLibrary.load()
ROOM = Room("wecom_kf", "main", "x", RoomKind.DIRECT)
STUCK = Passage("kb7", 1, "订单三天没动怎么办", "物流超过 3 天未更新，可在订单页申请催件；超过 5 天可申请补发。", 0.8)


def case(
    *turns: tuple[str, str], passages: tuple[Passage, ...] = (), moods: tuple[Emotion, ...] = (), **more: object
) -> CaseFile:
    held = Conversation("cv", ROOM, "cu", Person("p", "李女士"), moods=moods, **more)  # type: ignore[arg-type]
    return CaseFile(tuple(Line(Speaker(who), text, 1.0) for who, text in turns), held, passages, "customer_asked")


def mood(label: str, intensity: float, valence: float) -> Emotion:
    return Emotion(label, {label: 0.8}, intensity, valence)


STORY = (
    ("customer", "你好"),
    ("bot", "您好，我在的，请问有什么可以帮您？"),
    ("customer", "订单 20260318001 三天没动了，我急用"),
    ("bot", "快递一般 3-5 天送达，请您耐心等待。"),
    ("customer", "一共 88 元的东西，太慢了"),
    ("customer", "转人工"),
)
MOODS = (mood("neutral", 0, 0), mood("anxious", 1.2, -0.35), mood("angry", 2, -0.7))


async def brief(file: CaseFile, model: ScriptedModel | None = None) -> Brief:
    return (await BriefAgent(PROMPTS, model).write(file)).brief


async def test_without_a_model_a_brief_says_who_wants_what_how_upset_and_what_was_tried() -> None:
    told = await brief(case(*STORY, moods=MOODS))
    assert told.headline == "【生气】订单 20260318001 三天没动了，我急用"
    assert "20260318001" in told.wants
    assert told.tried == "共答复 1 次。机器人：快递一般 3-5 天送达，请您耐心等待。"
    assert told.mood == "平静 → 着急 → 生气（越来越差）"
    assert "订单 20260318001" in told.facts
    assert "金额 88 元" in told.facts
    assert "订单 20260318001" in told.suggested_reply
    assert "非常抱歉" in told.suggested_reply


async def test_a_fitting_entry_becomes_the_suggestion_with_its_source() -> None:
    told = await brief(case(("customer", "我的订单三天没动了怎么办"), passages=(STUCK,)))
    assert "申请催件" in told.suggested_reply
    assert told.citations[0].quote == "订单三天没动怎么办"


async def test_tickets_that_are_open_are_named() -> None:
    known = (KnownTicket("T-1", "退款", "open", "refund", 1.0), KnownTicket("T-2", "换货", "closed", "x", 1.0))
    assert (await brief(case(*STORY, tickets=known))).tickets == ("T-1",)


async def test_a_case_without_a_matter_says_so() -> None:
    told = await brief(case(("customer", "转人工")))
    assert told.headline
    assert told.tried == "尚未答复"
    assert "请问遇到了什么问题" in told.suggested_reply


async def test_a_brief_as_text_has_a_line_per_section() -> None:
    text = (await brief(case(*STORY, moods=MOODS))).as_text(staff_wording("zh"))
    assert text.splitlines()[0].startswith("【生气】")
    assert any(line.startswith("建议回复：") for line in text.splitlines())
    assert len(text) < 500


FORM = {
    "headline": "订单 20260318001 三天未更新，客户急用要求尽快处理",
    "wants": "尽快送达",
    "tried": "机器人告知 3-5 天送达",
    "facts": ["金额 88 元", "急用"],
    "suggested_reply": "您好，物流超过 3 天未更新可以催件，我先为您核实。",
    "citations": [1],
}


async def test_a_model_writes_the_brief_and_our_facts_stay_in_it() -> None:
    written = await BriefAgent(PROMPTS, ScriptedModel([FORM])).write(case(*STORY, passages=(STUCK,), moods=MOODS))
    assert written.brief.headline == FORM["headline"]
    assert written.brief.mood == "平静 → 着急 → 生气（越来越差）"
    assert "订单 20260318001" in written.brief.facts
    assert "急用" in written.brief.facts
    assert written.brief.citations[0].entry_id == "kb7"
    assert written.usage.calls == 1
    assert written.prompt_version.startswith("handoff_brief@")


@pytest.mark.parametrize(
    "change",
    [
        {"headline": "订单 20260318999 三天未更新"},
        {"facts": ["金额 880 元"]},
        {"wants": "要求赔偿 500 元"},
        {"tried": "已在 10 分钟前联系 DHL"},
        {"suggested_reply": "详见 https://evil.com"},
        {"headline": ""},
    ],
)
async def test_one_invented_fact_spoils_the_models_brief(change: dict[str, object]) -> None:
    written = await BriefAgent(PROMPTS, ScriptedModel([{**FORM, **change}])).write(case(*STORY, passages=(STUCK,)))
    assert written.brief.headline == "订单 20260318001 三天没动了，我急用"
    assert written.prompt_version == ""
    assert written.usage.calls == 1


async def test_a_model_that_is_down_leaves_a_good_brief() -> None:
    told = await brief(case(*STORY, moods=MOODS), ScriptedModel([]))
    assert told.headline.startswith("【生气】")


async def test_a_transcript_for_the_model_is_bounded_and_blanks_personal_data() -> None:
    model = ScriptedModel([])
    story = [("customer", "我的电话13812345678，" + "一直没人处理" * 100)] * 40
    await brief(case(*story), model)
    assert "13812345678" not in model.asked[0].user
    assert len(model.asked[0].user) < 2500


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["customer", "bot", "staff"]),
            st.one_of(st.text(max_size=80), st.sampled_from(["转人工", "订单20260318001没到", "88元", "谢谢"])),
        ),
        max_size=12,
    )
)
async def test_every_number_of_an_extracted_brief_was_said(turns: list[tuple[str, str]]) -> None:
    told = await brief(case(*turns))
    said = {f.value for f in figures("\n".join(text for _, text in turns))}
    assert len(told.headline) <= 40
    assert {f.value for f in figures(" ".join(told.facts))} <= said


async def test_a_case_of_one_line_reads_itself_and_costs_no_call() -> None:
    model = ScriptedModel(lambda prompt, shape: pytest.fail("one line needs no summary"))
    conversation = Conversation("cv_1", ROOM, "cu_1", Person("u1"))
    case = CaseFile((Line(Speaker.CUSTOMER, "转人工", 0.0),), conversation, reason="customer_asked")
    assert (await BriefAgent(PROMPTS, model).write(case)).usage.calls == 0
