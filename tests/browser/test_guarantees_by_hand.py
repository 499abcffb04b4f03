"""What the mail promises can be seen on the playground: repeats and lost answers double nothing, lost lines heal."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import Window
from tests.journeys.conftest import DM, Play


async def test_a_repeated_delivery_is_counted_and_not_answered_again(window: Window, play: Play) -> None:
    ground = await window.playground()
    for pane, words, answer in (("feishu", "满多少包邮", "79"), ("wecom", "怎么申请退款", "申请售后")):
        await ground.say(pane, words)
        await ground.sees(pane, answer)
        await ground.pane(pane).get_by_role("button", name="重复投递上一条").click()
        await ground.sees(pane, "平台投递了 2 次，只算一次")
        await play.quiet()
        await expect(ground.lines(pane).locator(".line.bot")).to_have_count(1)


async def test_a_lost_receipt_is_sent_again_and_shows_once(window: Window, play: Play) -> None:
    ground = await window.playground()
    await ground.pane("feishu").get_by_role("button", name="丢一次回执").click()
    await expect(ground.page.locator("#toast")).to_contain_text("回执会丢")
    await ground.say("feishu", "满多少包邮")
    await ground.sees("feishu", "同一把钥匙发了 2 次，只出现一次")
    await play.quiet()
    assert len(play.bot_lines(DM)) == 1
    await expect(ground.lines("feishu").locator(".line.bot")).to_have_count(1)


async def test_nothing_to_repeat_is_said_in_words(window: Window) -> None:
    ground = await window.playground()
    await ground.pane("feishu").get_by_role("button", name="重复投递上一条").click()
    await expect(ground.page.locator("#toast")).to_contain_text("先发一条")


async def test_a_lost_connection_shows_a_bar_and_heals_without_doubling(window: Window, play: Play) -> None:
    window.expected = ("ERR_FAILED", "net::ERR")
    ground = await window.playground()
    await ground.say("feishu", "满多少包邮")
    await ground.sees("feishu", "79")
    bar = ground.page.get_by_text("连接断了，正在重连")
    await expect(bar).to_be_hidden()
    await ground.page.route("**/playground/events*", lambda route: route.abort())
    play.service.screens.leaving.set()
    await expect(bar).to_be_visible()
    play.service.screens.leaving.clear()
    await play.in_feishu("怎么开发票")
    await play.answer(DM, containing="发票")
    await ground.page.unroute("**/playground/events*")
    await expect(bar).to_be_hidden()
    await ground.sees("feishu", "怎么开发票")
    await expect(ground.lines("feishu").locator(".line.customer")).to_have_count(2)
    await expect(ground.lines("feishu").locator(".line.bot")).to_have_count(2)


async def test_words_that_could_not_leave_come_back(window: Window) -> None:
    window.expected = ("ERR_FAILED", "net::ERR")
    ground = await window.playground()
    await ground.page.route("**/playground/feishu", lambda route: route.abort())
    await ground.say("feishu", "这句发不出去")
    await expect(ground.page.locator("#toast")).to_contain_text("没有发出去")
    await expect(ground.pane("feishu").locator("textarea")).to_have_value("这句发不出去")
