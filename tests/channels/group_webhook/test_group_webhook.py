"""Notices into a WeCom group: whole, in order, at most twenty a minute, and nothing comes in."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from channels.group_webhook import GroupWebhookChannel, GroupWebhookSettings, outbound
from channels.group_webhook.window import PER_MINUTE, SendWindow
from channels.wechat_api import WechatRefused
from conversation.errors import BadSettings, FateUnknown, GiveUp, RetryLater
from conversation.identity import Person
from conversation.messages import Attachment, Button, Card, ContentKind, OutgoingMessage
from playground.group_webhook_double import GroupWebhookDouble
from store.database import Database
from tests.channels.group_webhook.stage import KEY, PAYLOADS, ROOM, SETTINGS, Stage, sample, staged
from tests.conftest import FakeClock

CARD = Card("工单超时", (("工单", "TK-1001"), ("已超时", "2 小时")), (Button("接手", {"a": "b"}),), note="请尽快处理")
PNG = b"\x89PNG\r\n\x1a\nmade up"


def words(text: str = "工单 TK-1001 超时未处理", **more: Any) -> OutgoingMessage:
    return OutgoingMessage(ROOM, text=text, **more)


def data(content: bytes, kind: ContentKind, name: str = "a.bin") -> Attachment:
    return Attachment(kind, f"data:application/octet-stream;base64,{base64.b64encode(content).decode()}", name)


@pytest.fixture
async def stage(sqlite_database: Database, clock: FakeClock) -> AsyncIterator[Stage]:
    async with staged(sqlite_database, clock) as one:
        yield one


async def test_a_text_calls_people_by_userid_and_by_mobile(sqlite_database: Database, clock: FakeClock) -> None:
    async with staged(sqlite_database, clock, mentioned=("@all",), mentioned_mobiles=("13800000000",)) as stage:
        await stage.channel.send(words(at=Person("zhangsan")), "k1")
        assert stage.bodies == [sample("text")]


async def test_a_person_known_by_a_mobile_number_is_called_by_it(stage: Stage) -> None:
    await stage.channel.send(words(at=Person("13800000000")), "k1")
    assert stage.bodies[0]["text"]["mentioned_mobile_list"] == ["13800000000"]
    assert "mentioned_list" not in stage.bodies[0]["text"]


async def test_markdown_mentions_in_its_words(sqlite_database: Database, clock: FakeClock) -> None:
    async with staged(sqlite_database, clock, style="markdown") as stage:
        await stage.channel.send(words("**超时**", at=Person("zhangsan")), "k1")
        assert stage.bodies == [{"msgtype": "markdown", "markdown": {"content": "<@zhangsan>\n**超时**"}}]


async def test_what_a_style_cannot_call_goes_as_plain_text(sqlite_database: Database, clock: FakeClock) -> None:
    async with staged(sqlite_database, clock, style="markdown_v2") as stage:
        await stage.channel.send(words("# 日报"), "k1")
        await stage.channel.send(words("# 日报", at=Person("zhangsan")), "k2")
    async with staged(sqlite_database, clock, style="markdown") as other:
        await other.channel.send(words("**超时**", at=Person("13800000000")), "k3")
    assert [body["msgtype"] for body in stage.bodies] == ["markdown_v2", "text"]
    assert stage.shown == ["# 日报", "日报"]
    assert other.shown == ["超时"]


async def test_plain_style_shows_no_signs_of_markdown(stage: Stage) -> None:
    await stage.channel.send(words("**明天**发货"), "k1")
    assert stage.shown == ["明天发货"]


@pytest.mark.parametrize(("style", "limit"), [("text", 2048), ("markdown", 4096), ("markdown_v2", 4096)])
async def test_a_long_text_arrives_whole_in_parts_counted_in_bytes(
    sqlite_database: Database, clock: FakeClock, style: str, limit: int
) -> None:
    text = "".join(f"第{number}条：已超时，请处理。" for number in range(600))
    async with staged(sqlite_database, clock, style=style) as stage:
        await stage.channel.send(words(text, at=Person("zhangsan") if style != "markdown_v2" else None), "k1")
        assert "".join(stage.shown).removeprefix("<@zhangsan>\n") == text
        assert limit * 0.6 < max(len(part.encode()) for part in stage.shown) <= limit
        assert stage.double.violations == []
        assert stage.channel.capabilities.max_text_bytes == limit


@given(text=st.text(max_size=3000), style=st.sampled_from(["text", "markdown", "markdown_v2"]))
def test_no_part_is_ever_over_the_limit(text: str, style: Any) -> None:
    settings = GroupWebhookSettings("ops", KEY, style=style)
    message = OutgoingMessage(ROOM, text=text, at=Person("user-of-some-length"))
    for notice in outbound.in_words(message, settings):
        kind = notice["msgtype"]
        assert len(notice[kind]["content"].encode()) <= outbound.LIMITS[kind]


async def test_the_twenty_first_notice_waits_for_the_right_moment(stage: Stage) -> None:
    for number in range(PER_MINUTE):
        await stage.channel.send(words(str(number)), f"k{number}")
        stage.clock.advance(1)
    with pytest.raises(RetryLater) as full:
        await stage.channel.send(words("21"), "k21")
    assert full.value.after_s == 40
    stage.clock.advance(40)
    await stage.channel.send(words("21"), "k21")
    assert stage.shown == [*map(str, range(PER_MINUTE)), "21"]
    assert stage.double.violations == []


async def test_a_long_text_waits_until_the_minute_has_room_for_all_of_it(stage: Stage) -> None:
    long = words("长" * 2000)
    for number in range(18):
        await stage.channel.send(words(str(number)), f"k{number}")
    stage.clock.advance(20)
    with pytest.raises(RetryLater) as full:
        await stage.channel.send(long, "long")
    assert full.value.after_s == 40
    assert len(stage.shown) == 18
    stage.clock.advance(40)
    await stage.channel.send(long, "long")
    assert "".join(stage.shown[18:]) == "长" * 2000


async def test_the_platforms_own_count_closes_the_minute_for_every_room(stage: Stage) -> None:
    stage.double.faults.next("send", rate_limited=True)
    with pytest.raises(RetryLater) as first:
        await stage.channel.send(words(), "k1")
    assert first.value.after_s == 60
    stage.clock.advance(10)
    with pytest.raises(RetryLater) as second:
        await stage.channel.send(words(), "k2")
    assert second.value.after_s == 50
    assert len(stage.bodies) == 1
    stage.clock.advance(50)
    await stage.channel.send(words(), "k1")
    assert len(stage.shown) == 1


async def test_an_interrupted_text_goes_on_with_the_part_that_is_missing(
    sqlite_database: Database, clock: FakeClock
) -> None:
    text = "".join(f"第{number}条：已超时。" for number in range(250))
    async with staged(sqlite_database, clock) as stage:
        stage.double.faults.every(2, "send", code=-1)
        with pytest.raises(RetryLater):
            await stage.channel.send(words(text), "k1")
        stage.double.faults.clear()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(stage.double.app)) as client:
            after_restart = GroupWebhookChannel(SETTINGS, database=sqlite_database, client=client, clock=clock)
            await after_restart.send(words(text), "k1")
        assert "".join(stage.shown) == text


async def test_the_same_key_shows_a_notice_once(stage: Stage) -> None:
    for _ in range(3):
        await stage.channel.send(words(), "k1")
    assert len(stage.shown) == 1


async def test_a_text_too_long_for_a_minute_arrives_as_a_file(stage: Stage) -> None:
    text = "很长的日志。" * 8000
    await stage.channel.send(words(text), "k1")
    assert stage.shown == ["notice.txt"]
    ((_, content),) = stage.double.files.values()
    assert content.decode() == text


async def test_a_card_is_a_text_notice_where_a_tap_leads_somewhere(sqlite_database: Database, clock: FakeClock) -> None:
    async with staged(sqlite_database, clock, card_url="https://desk.example.invalid/t") as stage:
        await stage.channel.send(OutgoingMessage(ROOM, card=CARD), "k1")
        card = stage.bodies[0]["template_card"]
        assert (card["card_type"], card["main_title"]) == ("text_notice", {"title": "工单超时", "desc": "请尽快处理"})
        assert card["card_action"] == {"type": 1, "url": "https://desk.example.invalid/t"}
        long = Card("工单", (("客户的话", "很" * 40),))
        await stage.channel.send(OutgoingMessage(ROOM, card=long), "k2")
        assert stage.bodies[1]["template_card"]["sub_title_text"] == f"客户的话：{'很' * 40}"
        assert stage.double.violations == []


async def test_a_refused_card_arrives_as_words(sqlite_database: Database, clock: FakeClock) -> None:
    async with staged(sqlite_database, clock, card_url="https://desk.example.invalid/t") as stage:
        stage.double.faults.next("send", code=40058)
        await stage.channel.send(OutgoingMessage(ROOM, card=CARD), "k1")
        assert stage.shown == [CARD.as_text()]


async def test_without_an_address_to_open_a_card_is_words(stage: Stage) -> None:
    await stage.channel.send(OutgoingMessage(ROOM, card=CARD), "k1")
    assert stage.shown == [CARD.as_text()]
    assert not stage.channel.capabilities.cards


async def test_pictures_news_files_and_voices_follow_the_words(stage: Stage) -> None:
    attachments = (
        data(PNG, ContentKind.IMAGE),
        Attachment(ContentKind.LINK, "https://desk.example.invalid/daily", "服务日报"),
        data(b"a,b,c\n1,2,3", ContentKind.FILE, "日报.csv"),
        data(b"#!AMR\n....", ContentKind.VOICE, "a.amr"),
        data(b"ID3 not amr", ContentKind.VOICE, "a.mp3"),
        data(b"GIF89a....", ContentKind.IMAGE, "a.gif"),
    )
    await stage.channel.send(words(attachments=attachments), "k1")
    kinds = [body["msgtype"] for body in stage.bodies]
    assert kinds == ["text", "news", "image", "file", "voice", "file", "file"]
    assert stage.shown[3:] == ["日报.csv", "a.amr", "a.mp3", "a.gif"]
    assert stage.double.violations == []


async def test_more_than_eight_links_are_several_notices(stage: Stage) -> None:
    links = tuple(Attachment(ContentKind.LINK, f"https://x.example/{n}", f"第{n}篇") for n in range(10))
    await stage.channel.send(OutgoingMessage(ROOM, attachments=links), "k1")
    assert [len(body["news"]["articles"]) for body in stage.bodies] == [8, 2]


def test_the_samples_of_the_platform_are_what_we_make() -> None:
    content = base64.b64decode(sample("image")["image"]["base64"])
    made = outbound.picture(b"\x89PNG\r\n\x1a\n" + content)
    assert made is not None
    assert made.keys() == sample("image").keys()
    assert made["image"].keys() == sample("image")["image"].keys()
    assert outbound.file("file", "3a8asd892asd8asd-made-up") == sample("file")
    assert outbound.file("voice", "3a8asd892asd8asd-made-up") == sample("voice")
    (news,) = outbound.news([Attachment(ContentKind.LINK, "https://desk.example.invalid/daily", "服务日报")])
    assert news["news"]["articles"][0].items() <= sample("news")["news"]["articles"][0].items()
    for name in ("markdown", "markdown_v2"):
        words_of_sample = sample(name)[name]["content"].strip()
        settings = GroupWebhookSettings("ops", KEY, style=name)  # type: ignore[arg-type]
        (notice,) = outbound.in_words(OutgoingMessage(ROOM, text=words_of_sample), settings)
        assert notice[name]["content"] == words_of_sample
    card = outbound.card(Card("工单超时", (), note="TK-1001"), "https://desk.example.invalid/t/1001")
    given_there = sample("template_card")["template_card"]
    assert card["template_card"] == {name: given_there[name] for name in ("card_type", "main_title", "card_action")}


@pytest.mark.parametrize("path", sorted(PAYLOADS.glob("*.json")), ids=lambda path: path.stem)
def test_the_double_takes_every_sample_as_the_platform_does(path: Any) -> None:
    body = sample(path.stem)
    if "msgtype" not in body:
        assert "errcode" in body
        return
    double = GroupWebhookDouble(KEY)
    code = double._judge(KEY, body)
    # A made-up picture and a made-up media id are not the platform's.
    assert code == (40007 if path.stem in ("file", "voice") else 0)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"code": 93000}, WechatRefused),
        ({"code": 45002}, WechatRefused),
        ({"code": -1}, RetryLater),
        ({"code": 45033}, RetryLater),
        ({"http": 503, "headers": {"Retry-After": "9"}}, RetryLater),
        ({"http": 502}, FateUnknown),
        ({"http": 404}, WechatRefused),
        ({"drop": True}, FateUnknown),
        ({"refuse": True}, FateUnknown),
    ],
)
async def test_a_failure_says_what_can_be_done_and_never_the_key(
    stage: Stage, fault: Any, error: type[Exception]
) -> None:
    stage.double.faults.next("send", **fault)
    with pytest.raises(error) as raised:
        await stage.channel.send(words("我的卡号是6222000011112222"), "k1")
    told = f"{raised.value!r}{raised.value.__cause__!r}"
    assert KEY not in told
    assert "6222" not in told
    assert KEY not in repr(SETTINGS)


async def test_a_wrong_key_is_named_as_one(sqlite_database: Database, clock: FakeClock) -> None:
    async with staged(sqlite_database, clock, key="another-key") as stage:
        with pytest.raises(WechatRefused, match="webhook key is wrong"):
            await stage.channel.send(words(), "k1")


async def test_a_lost_answer_is_never_answered_with_a_second_notice(stage: Stage) -> None:
    assert not stage.channel.capabilities.resend_is_safe
    stage.double.faults.next("send", drop=True)
    with pytest.raises(FateUnknown):
        await stage.channel.send(words(), "k1")
    assert len(stage.shown) == 1


@pytest.mark.parametrize("content", [b"1234", b"x" * (20 * 1024 * 1024 + 1)], ids=["tiny", "huge"])
async def test_a_file_of_a_size_that_the_platform_refuses_is_given_up(stage: Stage, content: bytes) -> None:
    with pytest.raises(GiveUp, match="bytes to 20 MB"):
        await stage.channel.send(OutgoingMessage(ROOM, attachments=(data(content, ContentKind.FILE),)), "k1")


@pytest.mark.parametrize(
    "reference",
    [
        "http://169.254.169.254/x",
        "om_1/key",
        "file:///etc/passwd",
        "data:text/plain,x",
        "data:;base64,%",
        "https://[::1",
    ],
)
async def test_a_file_from_elsewhere_is_never_fetched(stage: Stage, reference: str) -> None:
    with pytest.raises(GiveUp):
        await stage.channel.media(reference)


async def test_a_file_of_a_named_host_is_fetched(sqlite_database: Database, clock: FakeClock) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert "key" not in str(request.url)
        return httpx.Response({"/f": 200, "/gone": 404}.get(request.url.path, 503), content=PNG)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        settings = GroupWebhookSettings("ops", KEY, extra_hosts=("files.example",))
        channel = GroupWebhookChannel(settings, database=sqlite_database, client=client, clock=clock)
        assert (await channel.media("https://files.example/f")).content == PNG
        with pytest.raises(GiveUp, match="404"):
            await channel.media("https://files.example/gone")
        with pytest.raises(RetryLater):
            await channel.media("https://files.example/busy")


async def test_nothing_comes_in_and_that_is_said_politely(stage: Stage) -> None:
    answer = await stage.channel.receive(Request({"type": "http", "method": "POST", "headers": []}))
    assert answer.status_code == 405
    assert b"only sends" in answer.body


async def test_nothing_to_say_is_no_notice(stage: Stage) -> None:
    await stage.channel.send(words(""), "k1")
    assert stage.bodies == []


@pytest.mark.parametrize("wrong", [{"key": ""}, {"key": "https://x/send?key=1"}, {"key": "k", "card_url": "desk/t"}])
def test_settings_that_cannot_work_say_what_to_mend(wrong: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match=r"behind key=|card_url"):
        GroupWebhookSettings("ops", **wrong)  # type: ignore[arg-type]


@given(steps=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 25)), max_size=40))
def test_the_window_never_lets_more_than_twenty_out_in_any_minute(steps: list[tuple[float, int]]) -> None:
    clock, sent = FakeClock(), list[float]()
    window = SendWindow(clock)
    for pause_s, wanted in steps:
        clock.advance(pause_s)
        clock.advance(window.pause_s(wanted))
        for _ in range(min(wanted, PER_MINUTE)):
            window.count()
            sent.append(clock())
    for place in range(len(sent) - PER_MINUTE):
        assert sent[place + PER_MINUTE] - sent[place] >= 60 - 1e-6
