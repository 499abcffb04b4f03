"""The playground's page, forms and live stream, without a browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from console.playground_lines import counted, shown_card, shown_line
from console.playground_stream import PlaygroundStream
from console.screens import Screens
from playground import stage as scene
from playground.stage import Stage
from tests.console.conftest import Ask

DM = "oc_p2p_ou_chenchen"


@pytest.fixture
def played(screens: Screens, stage: Stage) -> Screens:
    return replace(screens, stage=stage)


@pytest.fixture
def client(ask: Ask, played: Screens) -> httpx.AsyncClient:
    return ask(played)


def toast(answer: httpx.Response) -> str:
    return str(json.loads(answer.headers["HX-Trigger"])["toast"])


async def events_until(stream: AsyncIterator[str], words: str) -> str:
    """Everything a page is told up to the event that holds `words`."""
    heard = ""
    async with asyncio.timeout(10):
        async for event in stream:
            heard += event
            if words in event:
                return heard
    raise AssertionError(f"the stream ended without {words!r}: {heard}")


async def test_words_go_to_the_platform_and_stand_on_the_page(client: httpx.AsyncClient, stage: Stage) -> None:
    words = {"person": "lili", "text": "<b>你好</b>", "mention": "true"}
    assert (await client.post("/console/playground/wecom", data=words)).status_code == 204
    assert (await client.post("/console/playground/feishu", data={"person": "ou_chenchen", "text": "在吗"})).is_success
    page = (await client.get("/console/playground")).text
    assert "@小汇 &lt;b&gt;你好&lt;/b&gt;" in page
    assert "在吗" in page
    assert [one.sender_name for one in stage.ledger.messages] == ["丽丽", "陈晨"]


async def test_blanks_are_not_sent_and_essays_are_refused(client: httpx.AsyncClient, stage: Stage) -> None:
    for path in ("wecom", "feishu"):
        blank = await client.post(f"/console/playground/{path}", data={"person": "x", "text": "  "})
        essay = await client.post(f"/console/playground/{path}", data={"person": "x", "text": "长" * 2001})
        assert (blank.status_code, essay.status_code) == (204, 422)
        assert "太长了" in toast(essay)
    assert stage.ledger.messages == []


async def test_acts_on_what_is_not_there_are_answered_in_words(client: httpx.AsyncClient) -> None:
    reply = await client.post("/console/playground/staff/om_none/reply", data={"person": "x", "text": "好"})
    press = await client.post("/console/playground/staff/om_none/press", data={"person": "x", "value": "{}"})
    assert (reply.status_code, press.status_code) == (404, 404)
    assert "刷新" in toast(reply)
    for pane in ("wecom", "feishu"):
        assert "先发一条" in toast(await client.post(f"/console/playground/{pane}/again", data={"person": "x"}))


@pytest.mark.parametrize("value", ["", "[", "[]", '"take"', "null"])
async def test_a_button_that_brings_nonsense_does_nothing(client: httpx.AsyncClient, stage: Stage, value: str) -> None:
    card = await stage.feishu.say(chat_id=scene.STAFF_CHAT, user_open_id="ou_xiaoli", user_name="小李", text="在")
    press = await client.post(f"/console/playground/staff/{card}/press", data={"person": "x", "value": value})
    assert press.status_code == 422


async def test_a_redelivery_is_counted_on_the_line(client: httpx.AsyncClient, stage: Stage) -> None:
    await client.post("/console/playground/feishu", data={"person": "ou_chenchen", "text": "在吗"})
    assert "投递" in toast(await client.post("/console/playground/feishu/again", data={"person": "ou_chenchen"}))
    line = shown_line(stage, stage.ledger.messages[0], counted(stage), {})
    assert line.deliveries == 2
    assert "平台投递了 2 次" in (await client.get("/console/playground")).text


async def test_the_stream_tells_what_is_new_and_only_that(played: Screens, stage: Stage) -> None:
    stream = PlaygroundStream(played, stage)
    await stage.feishu.say(chat_id=DM, user_open_id="ou_chenchen", user_name="陈晨", text="旧的", chat_type="p2p")
    mark = stream.mark()
    follow = stream.follow(mark)
    await stage.feishu.say(
        chat_id=DM, user_open_id="ou_chenchen", user_name="陈晨", text="新的\n\n<i>两行</i>", chat_type="p2p"
    )
    heard = await events_until(follow, "新的")
    assert "旧的" not in heard
    assert 'data-into="lines-feishu"' in heard
    assert "<i>" not in heard.replace('<i class="', "")
    assert all(line.split(":")[0] in ("", "id", "event", "data", "retry") for line in heard.splitlines())
    await follow.aclose()  # type: ignore[attr-defined]


async def test_a_page_of_an_earlier_start_is_told_to_reload(played: Screens, stage: Stage) -> None:
    stream = PlaygroundStream(played, stage)
    for mark in ("", "0", "other-5", f"{stream.run}-x", "-", "é"):
        assert [event async for event in stream.follow(mark)] == ["event: restart\ndata: -\n\n"]


async def test_streams_end_when_the_process_leaves(played: Screens, stage: Stage) -> None:
    stream = PlaygroundStream(played, stage)
    following = asyncio.create_task(_drain(stream.follow(stream.mark())))
    await asyncio.sleep(0)
    played.leaving.set()
    assert (await asyncio.wait_for(following, 5))[0].startswith("retry:")


async def test_the_browsers_own_reconnect_goes_on_from_what_it_saw(client: httpx.AsyncClient, played: Screens) -> None:
    played.leaving.set()
    answer = await client.get("/console/playground/events?after=old-1", headers={"Last-Event-ID": "older-2"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "restart" in answer.text


def test_a_card_is_read_as_the_platform_reads_it() -> None:
    elements = [
        {"tag": "markdown", "content": "**客户**：&#60;script&#62;&#42;&#42;陈晨"},
        {"tag": "column_set", "columns": [{"tag": "column", "elements": [_button("接单", "primary")]}]},
        {"tag": "markdown", "content": "小字", "text_size": "notation"},
        {"tag": "img", "img_key": "x"},
    ]
    header = {"title": {"tag": "plain_text", "content": "需要人工"}, "template": "red"}
    card = shown_card({"schema": "2.0", "header": header, "body": {"elements": elements}})
    assert (card.title, card.tone) == ("需要人工", "red")
    assert card.sections == (("客户", "<script>**陈晨"),)
    assert card.notes == ("小字",)
    assert [(one.text, one.style, one.value) for one in card.buttons] == [("接单", "primary", {"action": "take"})]


@pytest.mark.parametrize("card", [{}, {"body": {}}, {"body": {"elements": [{"tag": "markdown"}]}}, {"header": {}}])
def test_an_odd_card_is_an_empty_one(card: dict[str, object]) -> None:
    shown = shown_card(card)
    assert (shown.sections, shown.notes, shown.buttons) == ((), (), ())


def _button(text: str, style: str) -> dict[str, object]:
    behaviors = [{"type": "callback", "value": {"action": "take"}}]
    return {"tag": "button", "text": {"content": text}, "type": style, "behaviors": behaviors}


async def _drain(stream: AsyncIterator[str]) -> list[str]:
    return [event async for event in stream]
