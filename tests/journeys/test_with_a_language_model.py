"""With a language model configured: it is called when it earns its keep, and nobody is met with silence without it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from playground.llm_brain import MESSAGES
from store.schema import turns
from tests.journeys.conftest import DM, ModelEndpoint, Open

QUICK = {"quiet_s": 0, "cap_s": 0}


async def test_a_known_question_a_thank_you_and_a_wish_for_a_person_cost_no_call(
    open_stage: Open, model: ModelEndpoint
) -> None:
    play = await open_stage(llm=model.settings, delivery=QUICK)
    for text in ("满多少包邮", "谢谢", "转人工"):
        await play.in_feishu(text)
        await play.quiet()
    rows = await play.service.database.read(lambda c: c.execute(select(turns.c.llm_calls, turns.c.outcome)).all())
    assert [row.outcome for row in rows] == ["Answered", "Answered", "HandedOff"]
    assert [row.llm_calls for row in rows[:2]] == [0, 0]


@pytest.mark.parametrize(
    "mood",
    [{}, {"fail_every": 3}, {"malformed_every": 1}, {"fail_every": 1}, {"latency_s": 5.0}],
    ids=["well", "every third call fails", "malformed", "down", "too slow"],
)
async def test_every_message_ends_in_a_sensible_outcome(
    open_stage: Open, model: ModelEndpoint, mood: dict[str, float]
) -> None:
    model.be(**mood)
    play = await open_stage(llm={**model.settings, "timeout_s": 1}, delivery=QUICK)
    texts = [text for _, text in MESSAGES][:: 4 if mood.get("latency_s") else 1]
    for number, text in enumerate(texts):
        await play.stage.feishu.say(
            chat_id=f"oc_p2p_{number}", user_open_id=f"ou_{number}", user_name="客户", text=text, chat_type="p2p"
        )
    for number, text in enumerate(texts):
        answer = await play.answer(f"oc_p2p_{number}")
        assert answer.text.strip(), text
        assert "已提交" not in answer.text, "nothing was submitted, so nobody says so"
    await play.quiet()
    assert play.stage.ledger.violations == []
    assert play.bot_lines(DM) == []
