"""The chat on somebody's website, driven as a visitor would: another origin, a strict content policy, a bad network."""

from __future__ import annotations

import asyncio
import contextlib
import re
import struct
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from channels.web_widget import WebWidgetChannel
from conversation.codec import from_json
from conversation.identity import Room
from conversation.messages import Card, OutgoingMessage
from store.schema import conversations
from tests.browser.conftest import Look, Window
from tests.journeys.conftest import Open, Play, free_port, served

KEY = "a-key-that-signs-visitors-for-tests-only"
#: What `docs/channels/web_widget.md` asks a site to allow, and not a word more.
POLICY = "default-src 'none'; script-src {host}; connect-src {host}; img-src blob:"
SITE = (
    '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>小店</title><body><h1>小店</h1>{tag}</body></html>'
)


@dataclass
class Network:
    """The way between browser and service: can be cut at any moment, and closed altogether."""

    port: int
    target: int
    closed: bool = False
    cuts: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Breaks everything that is open, in the middle of whatever was being said."""
        self.cuts += 1
        for writer in list(self._open):
            writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.closed:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        self._open |= {writer, back}
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        self._open -= {writer, back}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
        writer.close()


@dataclass
class Visit:
    """One open page of the site."""

    page: Page

    @property
    def launcher(self) -> Locator:
        return self.page.locator(".launcher")

    @property
    def field(self) -> Locator:
        return self.page.get_by_role("textbox")

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def status(self) -> Locator:
        return self.page.locator(".status")

    def lines(self, by: str) -> Locator:
        return self.log.locator(f".line.{by} .bubble")

    async def open(self) -> None:
        await self.launcher.click()
        await expect(self.field).to_be_focused()

    async def say(self, text: str) -> None:
        await self.field.fill(text)
        await self.field.press("Enter")


@dataclass
class Shop:
    """A website with the widget, the service behind it, and the network between."""

    play: Play
    window: Window
    network: Network
    site: int
    channel: WebWidgetChannel

    async def visit(self, attributes: str = "", **kind: Any) -> Visit:
        page = await self.window.open(f"/?tag={attributes}", **kind)
        await expect(page.locator(".launcher")).to_be_attached()
        return Visit(page)

    async def room(self) -> Room:
        """The only visitor's."""
        row = await self.play.service.database.read(
            lambda c: c.execute(conversations.select().where(conversations.c.key.startswith("web_widget:"))).one()
        )
        return from_json(Room, row.room)


def site_app(host: str) -> Starlette:
    async def home(request: Request) -> Response:
        tag = f'<script src="{host}/channels/web_widget/main" async {request.query_params.get("tag", "")}></script>'
        return HTMLResponse(SITE.format(tag=tag), headers={"Content-Security-Policy": POLICY.format(host=host)})

    async def icon(_: Request) -> Response:
        return Response(status_code=204)

    return Starlette(routes=[Route("/", home), Route("/favicon.ico", icon)])


@pytest.fixture
async def shop(open_stage: Open, look: Look) -> AsyncIterator[Shop]:
    network, site = Network(free_port(), 0), free_port()
    widget = {
        "kind": "web_widget",
        "visitor_key": KEY,
        "allowed_origins": [f"http://127.0.0.1:{site}"],
        "per_minute": 600,
    }
    play = await open_stage(delivery={"quiet_s": 0.2, "cap_s": 0.5}, channels=[widget], playground="on")
    channel = play.service.channels["web_widget", "main"]
    assert isinstance(channel, WebWidgetChannel)
    network.target = play.service.settings.port
    carrier = await asyncio.start_server(network.carry, "127.0.0.1", network.port)
    window = await look(play)
    window.address = f"http://127.0.0.1:{site}"
    async with served(site_app(f"http://127.0.0.1:{network.port}"), site):
        yield Shop(play, window, network, site, channel)
        await window.browser.close()
    carrier.close()
    network.cut()


#: Milliseconds from Enter to the frame in which the answer stands in the page.
WATCH = """
() => {
  const root = document.querySelector('[data-huiying]').shadowRoot;
  const list = root.querySelector('.lines');
  const before = list.querySelectorAll('.line.bot').length;
  window.took = new Promise((resolve) => {
    let began = 0;
    root.querySelector('textarea').addEventListener('keydown', () => { began = performance.now(); }, { once: true });
    const watch = new MutationObserver(() => {
      if (list.querySelectorAll('.line.bot').length === before) return;
      watch.disconnect();
      requestAnimationFrame(() => resolve(performance.now() - began));
    });
    watch.observe(list, { childList: true });
  });
}
"""
QUESTIONS = ("怎么申请退款", "运费多少", "能开发票吗", "可以货到付款吗", "保修期多久")


async def test_a_known_question_is_answered_before_one_looks_up(shop: Shop) -> None:
    visit = await shop.visit()
    await visit.open()
    await visit.say("满多少包邮")
    await expect(visit.lines("bot")).to_contain_text("79")
    took = []
    for question in QUESTIONS:
        await visit.page.evaluate(WATCH)
        await visit.say(question)
        took.append(await visit.page.evaluate("() => window.took"))
    print("answers after", [f"{one:.0f} ms" for one in took])
    await expect(visit.log.locator(".fate.sent").last).to_have_text("已送达")
    # The machine may be busy with other tests at any one of them.
    assert sorted(took)[len(took) // 2] <= 300


async def test_twenty_cuts_lose_nothing_and_double_nothing(shop: Shop) -> None:
    shop.window.expected = ("Failed to load resource", "ERR_", "net::")
    visit = await shop.visit()
    await visit.open()
    await visit.say("转人工")
    await expect(visit.lines("bot").first).to_be_visible()
    room = await shop.room()
    said = []
    for number in range(40):
        said.append(f"第{number}句")
        message = OutgoingMessage(room, text=said[-1])
        await shop.channel.send(message, f"k{number}")
        if number % 2:
            shop.network.cut()
    mine = []
    for number in range(10):
        mine.append(f"我的第{number}问")
        await visit.say(mine[-1])
        shop.network.cut()
    assert shop.network.cuts >= 20
    await expect(visit.log.get_by_text("第39句")).to_be_visible()
    await expect(visit.log.locator(".fate.sending, .fate.failed")).to_have_count(0)
    await shop.play.quiet()
    shown = await visit.lines("bot").all_inner_texts()
    assert [words for words in shown if words in said] == said
    assert (await visit.lines("visitor").all_inner_texts())[1:] == mine
    # What stands in the mailbox is what the page shows, line for line.
    await visit.page.reload()
    await expect(visit.log.get_by_text("第39句")).to_be_visible()
    again = await visit.lines("bot").all_inner_texts()
    assert [words for words in again if words in said] == said


async def test_a_page_that_was_offline_says_so_and_catches_up(shop: Shop) -> None:
    shop.window.expected = ("Failed to load resource", "ERR_", "net::")
    visit = await shop.visit()
    await visit.open()
    await visit.say("满多少包邮")
    await expect(visit.lines("bot")).to_contain_text("79")
    room = await shop.room()
    shop.network.closed = True
    shop.network.cut()
    await expect(visit.status).to_have_text("网络断开，正在重连…")
    await visit.say("还在吗")
    await expect(visit.log.locator(".fate.failed")).to_contain_text("未送达")
    await shop.channel.send(OutgoingMessage(room, text="您离开时的一句"), "k-away")
    shop.network.closed = False
    await expect(visit.log.get_by_text("您离开时的一句")).to_be_visible()
    await expect(visit.status).to_have_text("智能客服为您服务")
    await visit.log.get_by_role("button", name="重试").click()
    await expect(visit.log.locator(".fate.sent").last).to_have_text("已送达")
    assert (await visit.lines("visitor").all_inner_texts()).count("还在吗") == 1


async def test_what_could_not_be_sent_and_what_is_half_typed_outlive_a_reload(shop: Shop) -> None:
    shop.window.expected = ("Failed to load resource", "ERR_", "net::")
    visit = await shop.visit()
    await visit.open()
    await visit.say("满多少包邮")
    await expect(visit.lines("bot")).to_contain_text("79")
    shop.network.closed = True
    shop.network.cut()
    await visit.say("没有送到的话")
    await expect(visit.log.locator(".fate.failed")).to_be_visible()
    await visit.field.fill("还没写完")
    shop.network.closed = False
    await visit.page.reload()
    await expect(visit.log.locator(".fate.failed")).to_contain_text("未送达")
    await expect(visit.field).to_have_value("还没写完")
    await expect(visit.lines("visitor")).to_have_text(["满多少包邮", "没有送到的话"])
    await visit.log.get_by_role("button", name="重试").click()
    await expect(visit.log.locator(".fate.sent")).to_have_text("已送达")


async def test_where_streams_are_held_back_answers_come_all_the_same(shop: Shop) -> None:
    visit = await shop.visit()

    async def held(route: Any) -> None:
        await asyncio.sleep(600)

    await visit.page.route(re.compile("do=events"), held)
    await visit.open()
    await visit.say("满多少包邮")
    await expect(visit.lines("bot")).to_contain_text("79")
    await expect(visit.status).to_have_text("智能客服为您服务")


async def test_words_are_never_read_as_markup(shop: Shop) -> None:
    visit = await shop.visit()
    await visit.open()
    hostile = '<img src=x onerror="window.hit=1"><script>window.hit=1</script> javascript:alert(1)'
    await visit.say(hostile)
    await expect(visit.lines("visitor")).to_have_text(hostile)
    await expect(visit.log.locator(".line")).not_to_have_count(1)
    room = await shop.room()
    answer = (
        f"{hostile} [退货页](https://shop.example.com/r) [https://bank.example](https://evil.example/x) "
        "[坏](javascript:alert(2)) 详见https://shop.example.com/a?b=1谢谢"
    )
    await shop.channel.send(OutgoingMessage(room, text=answer), "k-hostile")
    bubble = visit.lines("bot").last
    await expect(bubble).to_contain_text("退货页")
    links = await bubble.locator("a").evaluate_all("all => all.map((a) => [a.textContent, a.href, a.rel])")
    rel = "noopener noreferrer nofollow"
    assert links == [
        ["退货页", "https://shop.example.com/r", rel],
        ["https://evil.example/x", "https://evil.example/x", rel],
        ["https://shop.example.com/a?b=1", "https://shop.example.com/a?b=1", rel],
    ]
    assert await visit.page.evaluate("() => window.hit") is None
    assert await visit.log.locator("img, script").count() == 0


async def test_a_person_joins_and_leaves_and_the_page_says_so(shop: Shop) -> None:
    visit = await shop.visit()
    await visit.open()
    await visit.say("转人工")
    await expect(visit.lines("bot").first).to_contain_text("人工")
    card = await shop.play.card()
    await shop.play.press(card, "接单")
    await expect(visit.status).to_contain_text("人工客服")
    await shop.play.staff_writes(card, "您好，我是小李，马上给您补发")
    staff = visit.log.locator(".line.staff")
    await expect(staff.locator(".bubble")).to_have_text("您好，我是小李，马上给您补发")
    await expect(staff.locator(".who")).to_contain_text("小李")
    await expect(visit.status).to_contain_text("小李")
    await shop.play.press(card, "归还机器人")
    await expect(visit.status).to_have_text("智能客服为您服务")
    # Said by the house, in its own words, and not a second time by the page.
    await expect(visit.log.locator(".line.house")).to_have_count(2)
    await expect(visit.log.locator(".event")).to_have_count(0)


async def test_a_card_is_a_list(shop: Shop) -> None:
    visit = await shop.visit()
    await visit.open()
    await visit.say("满多少包邮")
    await expect(visit.lines("bot")).to_contain_text("79")
    room = await shop.room()
    card = Card("工单已建立", (("工单", "TK1001"), ("状态", "处理中")), note="我们会尽快答复您")
    await shop.channel.send(OutgoingMessage(room, card=card), "k-card")
    shown = visit.lines("bot").last
    await expect(shown.locator("strong")).to_have_text("工单已建立")
    await expect(shown.locator("dt")).to_have_text(["工单", "状态"])
    await expect(shown.locator("dd")).to_have_text(["TK1001", "处理中"])


async def test_a_picture_goes_up_and_is_seen_again_after_a_reload(shop: Shop) -> None:
    visit = await shop.visit()
    await visit.open()
    picture = {"name": "划痕.png", "mimeType": "image/png", "buffer": png(12, 8)}
    await visit.page.locator("input[type=file]").set_input_files([picture])  # type: ignore[list-item]
    await expect(visit.log.locator(".fate.sent")).to_have_text("已送达")
    await expect(visit.log.locator(".visitor img")).to_have_js_property("naturalWidth", 12)
    await visit.page.reload()
    await expect(visit.log.locator(".visitor img")).to_have_js_property("naturalWidth", 12)
    other = {"name": "x.png", "mimeType": "text/html", "buffer": b"<script>"}
    await visit.page.locator("input[type=file]").set_input_files([other])  # type: ignore[list-item]
    await expect(visit.page.get_by_role("alert")).to_contain_text("只能发送")


async def test_two_tabs_show_the_same(shop: Shop) -> None:
    visit = await shop.visit()
    await visit.open()
    await visit.say("满多少包邮")
    await expect(visit.lines("bot")).to_contain_text("79")
    tab = Visit(await visit.page.context.new_page())
    await tab.page.goto(visit.page.url)
    await expect(tab.lines("visitor")).to_have_text(["满多少包邮"])
    await tab.say("怎么申请退款")
    for one in (visit, tab):
        await expect(one.lines("visitor")).to_have_text(["满多少包邮", "怎么申请退款"])
        await expect(one.lines("bot")).to_have_count(2)


async def test_the_keyboard_is_enough_and_the_focus_is_where_one_expects_it(shop: Shop) -> None:
    visit = await shop.visit()
    await visit.page.keyboard.press("Tab")
    await expect(visit.launcher).to_be_focused()
    await visit.page.keyboard.press("Enter")
    await expect(visit.field).to_be_focused()
    await expect(visit.launcher).to_have_attribute("aria-expanded", "true")
    await visit.page.keyboard.type("满多少")
    await visit.page.keyboard.press("Shift+Enter")
    await visit.page.keyboard.type("包邮")
    await expect(visit.field).to_have_value("满多少\n包邮")
    await visit.page.keyboard.press("Enter")
    await expect(visit.lines("bot")).to_contain_text("79")
    await expect(visit.page.locator("[aria-live=polite]")).to_contain_text("智能客服: ")
    await visit.page.keyboard.press("Escape")
    await expect(visit.page.get_by_role("dialog")).to_be_hidden()
    await expect(visit.launcher).to_be_focused()


async def test_answers_that_come_while_the_chat_is_closed_are_counted(shop: Shop) -> None:
    visit = await shop.visit()
    await visit.open()
    await visit.say("满多少包邮")
    await expect(visit.lines("bot")).to_contain_text("79")
    await visit.page.keyboard.press("Escape")
    room = await shop.room()
    for number in range(2):
        await shop.channel.send(OutgoingMessage(room, text=f"补充{number}"), f"k-late{number}")
    await expect(visit.page.locator(".badge")).to_have_text("2")
    await expect(visit.launcher).to_have_accessible_name("打开在线客服, 2 条未读消息")
    await visit.launcher.click()
    await expect(visit.page.locator(".badge")).to_be_hidden()


async def test_english_visitors_read_english(shop: Shop) -> None:
    visit = await shop.visit("data-lang=en")
    await visit.open()
    await expect(visit.page.get_by_role("dialog")).to_have_accessible_name("Customer service")
    await expect(visit.log).to_contain_text("Hello, how can we help you?")
    await expect(visit.status).to_have_text("Our assistant is here for you")


async def test_a_site_that_is_not_listed_reaches_nobody(shop: Shop) -> None:
    shop.window.expected = ("CORS policy", "Failed to load resource", "ERR_")
    page = await shop.window.open("/")
    await page.goto(f"http://localhost:{shop.site}/")
    visit = Visit(page)
    await visit.open()
    await visit.say("满多少包邮")
    await expect(visit.status).to_have_text("网络断开，正在重连…")
    assert await visit.lines("bot").count() == 0


CONTRAST = """
() => {
  const root = document.querySelector('[data-huiying]').shadowRoot;
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const light = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (el) => {
    for (let one = el; one; one = one.parentElement || (one.getRootNode().host ?? null)) {
      const c = parse(getComputedStyle(one).backgroundColor);
      if (c[3] === 1) return c;
    }
    return [255, 255, 255, 1];
  };
  const poor = [];
  for (const el of root.querySelectorAll('*')) {
    const own = [...el.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !el.getClientRects().length || el.closest('.unseen')) continue;
    const [a, b] = [light(parse(getComputedStyle(el).color)), light(ground(el))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push([el.className || el.tagName, ratio.toFixed(2), el.textContent.slice(0, 20)]);
  }
  return poor;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
async def test_it_can_be_read_in_both_schemes_on_desk_and_phone(
    shop: Shop, scheme: str, size: tuple[int, int], tmp_path: Any
) -> None:
    shop.window.expected = ("Failed to load resource", "ERR_", "net::")
    visit = await shop.visit(size=size, color_scheme=scheme, reduced_motion="reduce")
    await visit.open()
    await visit.say("满多少包邮")
    await expect(visit.lines("bot")).to_contain_text("79")
    room = await shop.room()
    card = Card("工单已建立", (("工单", "TK1001"),), note="我们会尽快答复您")
    await shop.channel.send(OutgoingMessage(room, card=card), "k-card")
    await shop.channel.send(OutgoingMessage(room, text="详见 https://shop.example.com"), "k-link")
    await expect(visit.log.get_by_role("link")).to_be_visible()
    shop.network.closed = True
    shop.network.cut()
    await visit.say("断网时的话")
    await expect(visit.log.locator(".fate.failed")).to_be_visible()
    assert await visit.page.evaluate(CONTRAST) == []
    box = await visit.page.get_by_role("dialog").bounding_box()
    assert box is not None
    if size[0] < 480:
        assert (box["width"], box["height"]) == size
    assert await visit.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert await visit.page.locator(".dots i").first.evaluate("(i) => getComputedStyle(i).animationName") == "none"
    await visit.page.screenshot(path=tmp_path / f"widget-{scheme}-{size[0]}.png")


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def part(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
