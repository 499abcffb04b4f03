"""What every channel promises, whatever its platform: kept once, sent once, honest about failure, never a crash."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from channels.channel import Receipt
from conversation.errors import FateUnknown, GiveUp, RetryLater
from conversation.messages import Button, Card, OutgoingMessage
from tests.channels.contract import ChannelStage, ContractStage

CHANNELS = Path(__file__).resolve().parents[1] / "channels"
MUTATIONS = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 300
CARD = Card("需要人工协助吗", (("工单", "TK1001"), ("情况", "屏幕有划痕")), (Button("转人工", {"action": "hand_off"}),))


def _stages() -> dict[str, Callable[[Path], ContractStage]]:
    found = {}
    for path in sorted(CHANNELS.glob("*/stage.py")):
        module = importlib.import_module(f"tests.channels.{path.parent.name}.stage")
        if hasattr(module, "contract_stage"):
            found[path.parent.name] = module.contract_stage
    return found


STAGES = _stages()


@pytest.fixture(params=sorted(STAGES))
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ChannelStage]:
    async with STAGES[request.param](tmp_path) as one:
        yield one


async def asked(stage: ChannelStage, text: str = "在吗", number: int = 1, sender: str = "alice") -> OutgoingMessage:
    """A customer's message, and an empty answer to it in the right room."""
    assert await stage.deliver(text, f"9000{number}", sender=sender) == 200
    message = stage.intake.messages[-1]
    assert message.room.room_id == stage.room(sender).room_id
    return OutgoingMessage(message.room, handles=(message.reply_handle,))


def saying(answer: OutgoingMessage, text: str = "", card: Card | None = None) -> OutgoingMessage:
    return OutgoingMessage(answer.room, text=text, card=card, handles=answer.handles)


def fault(stage: ChannelStage, name: str) -> Callable[..., None]:
    found: Callable[..., None] | None = getattr(stage.faults, name, None)
    if found is None:
        pytest.skip(f"this platform has no {name}")
    return found


async def sent(stage: ChannelStage, message: OutgoingMessage, key: str, tries: int = 4) -> Receipt | None:
    """What the send worker does: again after `RetryLater`, and after a lost answer where that is safe."""
    for _ in range(tries):
        try:
            return await stage.channel.send(message, key)
        except RetryLater:
            continue
        except FateUnknown:
            if not stage.channel.capabilities.resend_is_safe:
                return None
    pytest.fail("the message never left")


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


async def test_a_text_is_kept_once_however_often_the_platform_delivers_it(stage: ChannelStage) -> None:
    for _ in range(5):
        assert await stage.deliver("我的订单到哪了", "7001") == 200
    (message,) = stage.intake.messages
    assert message.text == "我的订单到哪了"
    assert message.room.room_id == stage.room("alice").room_id
    assert message.room.platform == stage.channel.platform
    assert message.room.account == stage.channel.account


async def test_twenty_duplicates_at_once_are_kept_once(stage: ChannelStage) -> None:
    statuses = await asyncio.gather(*(stage.deliver("一次就好", "7002") for _ in range(20)))
    assert set(statuses) == {200}
    assert [message.text for message in stage.intake.messages] == ["一次就好"]


async def test_the_same_words_twice_are_two_messages(stage: ChannelStage) -> None:
    await stage.deliver("在吗", "7003")
    await stage.deliver("在吗", "7004")
    assert [message.text for message in stage.intake.messages] == ["在吗", "在吗"]


async def test_two_customers_have_two_lanes(stage: ChannelStage) -> None:
    await stage.deliver("我是甲", "7005", sender="alice")
    await stage.deliver("我是乙", "7006", sender="bob")
    first, second = stage.intake.messages
    assert first.lane != second.lane
    assert first.sender.person_id != second.sender.person_id


async def test_a_forged_webhook_is_refused_and_nothing_is_kept(stage: ChannelStage) -> None:
    assert await stage.deliver_forged("把所有订单退款") in (401, 403)
    assert stage.intake.items == []


async def test_an_answer_arrives_once_though_it_is_sent_again_under_the_same_key(stage: ChannelStage) -> None:
    answer = saying(await asked(stage), "您好，已为您查询")
    assert await sent(stage, answer, "k1") is not None
    await sent(stage, answer, "k1")
    assert await stage.shown("alice") == ["您好，已为您查询"]


async def test_two_answers_arrive_in_order(stage: ChannelStage) -> None:
    await sent(stage, saying(await asked(stage), "第一句"), "k1")
    await sent(stage, saying(await asked(stage, "还有呢", 2), "第二句"), "k2")
    assert await stage.shown("alice") == ["第一句", "第二句"]


async def test_a_busy_platform_is_asked_later_and_the_answer_arrives_once(stage: ChannelStage) -> None:
    busy, answer = fault(stage, "busy_once"), saying(await asked(stage), "稍后就到")
    busy()
    with pytest.raises(RetryLater):
        await stage.channel.send(answer, "k1")
    assert await stage.shown("alice") == []
    assert await sent(stage, answer, "k1") is not None
    assert await stage.shown("alice") == ["稍后就到"]


async def test_an_expired_token_is_renewed_and_nobody_sees_it(stage: ChannelStage) -> None:
    expire, answer = fault(stage, "expire_token"), await asked(stage)
    await sent(stage, saying(answer, "第一句"), "k1")
    expire()
    await stage.channel.send(saying(await asked(stage, "还有吗", 2), "第二句"), "k2")
    assert await stage.shown("alice") == ["第一句", "第二句"]


async def test_a_lost_answer_never_doubles_a_message(stage: ChannelStage) -> None:
    lose, answer = fault(stage, "lose_answer_once"), saying(await asked(stage), "只说一次")
    lose()
    receipt = await sent(stage, answer, "k1")
    shown = await stage.shown("alice")
    assert shown in ([], ["只说一次"])
    if receipt is not None:
        assert shown == ["只说一次"]


async def test_a_refusal_is_final_and_tells_no_secret(stage: ChannelStage) -> None:
    refuse, answer = fault(stage, "refuse_once"), saying(await asked(stage), "我的卡号是6222000011112222")
    refuse()
    with pytest.raises(GiveUp) as refused:
        await stage.channel.send(answer, "k1")
    told = f"{refused.value}{refused.value.__cause__ or ''}"
    assert not [secret for secret in (*stage.secrets, "6222000011112222") if secret in told]
    assert await stage.shown("alice") == []


async def test_a_text_longer_than_the_limit_arrives_whole_and_in_order(stage: ChannelStage) -> None:
    limit = stage.channel.capabilities.max_text_bytes
    sentences = (f"第{number}条：请您先检查电源，再长按开机键十秒。" for number in range(limit))
    text, size = "", 0
    while size < limit * 2.2:
        sentence = next(sentences)
        text, size = text + sentence, size + len(sentence.encode())
    assert await sent(stage, saying(await asked(stage), text), "k1") is not None
    shown = await stage.shown("alice")
    assert all(len(part.encode()) <= limit for part in shown)
    if stage.cuts_long_texts:
        assert squeezed(text).startswith(squeezed("".join(shown)).removesuffix("…"))
    else:
        assert squeezed("".join(shown)) == squeezed(text)


async def test_a_card_arrives_as_a_card_or_as_its_words(stage: ChannelStage) -> None:
    assert await sent(stage, saying(await asked(stage), card=CARD), "k1") is not None
    shown = "\n".join(await stage.shown("alice"))
    for words in ("需要人工协助吗", "TK1001", "屏幕有划痕"):
        assert words in shown


async def test_nothing_in_particular_is_sent_without_a_crash(stage: ChannelStage) -> None:
    """An outgoing message without words says nothing: it is taken, or refused as pointless."""
    empty = saying(await asked(stage))
    with contextlib.suppress(GiveUp):
        await stage.channel.send(empty, "k1")
    assert [text for text in await stage.shown("alice") if len(text) > 20] == []


JUNK = [
    "",
    "0",
    "-1",
    "null",
    "9" * 400,
    "1e309",
    "NaN",
    "true",
    "😀" * 9,
    "\u202e",
    "../..",
    "a|b",
    "<x/>",
    "]]>",
    "[]",
]
_VALUE = re.compile(r'[^<>"\[\]{},:\s!]+')


def mutated(sample: bytes, draw: Callable[[Any], Any]) -> bytes:
    """One sample with a value replaced, a part cut out or doubled, or a byte changed; up to three times."""
    for _ in range(draw(st.integers(1, 3))):
        how = draw(st.sampled_from(["value", "value", "cut", "double", "byte", "element"]))
        if how == "value":
            text = sample.decode("utf-8", "replace")
            values = list(_VALUE.finditer(text))
            if values:
                value = values[draw(st.integers(0, len(values) - 1))]
                sample = (text[: value.start()] + draw(st.sampled_from(JUNK)) + text[value.end() :]).encode()
        elif how == "element":
            elements = list(re.finditer(rb'<(\w+)>[^<]*(?:<!\[CDATA.*?\]\]>)?</\1>|"\w+":\s*"[^"]*",?', sample))
            if elements:
                element = elements[draw(st.integers(0, len(elements) - 1))]
                sample = sample[: element.start()] + sample[element.end() :]
        elif sample:
            start = draw(st.integers(0, len(sample) - 1))
            end = min(len(sample), start + draw(st.integers(1, 40)))
            middle = {"cut": b"", "double": sample[start:end] * 2, "byte": bytes([draw(st.integers(0, 255))])}[how]
            sample = sample[:start] + middle + sample[end if how != "byte" else start + 1 :]
    return sample


@given(data=st.data())
@settings(
    max_examples=MUTATIONS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_a_mutated_payload_is_kept_or_refused_or_recorded(stage: ChannelStage, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(stage.samples()))
    payload = mutated(sample, data.draw)
    before = stage.intake.offered + len(stage.presses.seen)
    with capture_logs() as logs:
        status = await stage.deliver_plain(payload)
    heard = stage.intake.offered + len(stage.presses.seen) > before
    assert status in (200, 400, 403, 413), payload
    assert status != 200 or heard or logs, payload


async def test_every_sample_is_heard_as_it_is(stage: ChannelStage) -> None:
    for sample in stage.samples():
        before = stage.intake.offered + len(stage.presses.seen)
        with capture_logs() as logs:
            assert await stage.deliver_plain(sample) == 200, sample
        assert stage.intake.offered + len(stage.presses.seen) > before or logs, sample
