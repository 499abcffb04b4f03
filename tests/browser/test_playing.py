"""People play: customers ask on both platforms, staff take over, and every open page shows the same."""

from __future__ import annotations

from playwright.async_api import expect

from playground import stage as scene
from tests.browser.conftest import Look, Window
from tests.journeys.conftest import DM, Open, Play


async def test_in_the_group_a_bubble_opens_and_fills(window: Window) -> None:
    ground = await window.playground()
    await ground.say("wecom", "怎么申请退款")
    await ground.sees("wecom", "@小汇 怎么申请退款")
    bubble = ground.lines("wecom").locator(".line.bot .bubble")
    await expect(bubble).to_contain_text("申请售后")
    await expect(bubble).not_to_have_class("waiting")
    assert await bubble.count() == 1
    await expect(ground.page.locator("#trace").get_by_text("已回答")).to_be_visible()
    await expect(ground.page.locator("#trace").get_by_role("link", name="阿明")).to_be_visible()


async def test_talk_that_is_not_for_the_bot_says_so(window: Window) -> None:
    ground = await window.playground()
    await ground.pane("wecom").get_by_label("@小汇").uncheck()
    await ground.say("wecom", "今天好热啊", person="丽丽")
    await ground.sees("wecom", "群里要 @ 它才听得到")


async def test_from_asking_for_a_person_to_a_persons_answer(window: Window, play: Play) -> None:
    ground = await window.playground()
    await ground.say("feishu", "转人工")
    await ground.sees("feishu", "人工客服")
    staff = ground.pane("staff")
    await staff.get_by_role("button", name="接单").click()
    await expect(ground.page.locator("#toast")).to_contain_text("已接单")
    await expect(staff.get_by_role("button", name="归还机器人")).to_be_visible()
    await expect(staff.get_by_role("button", name="接单")).to_have_count(0)
    reply = staff.get_by_label("在话题里回复客户")
    await reply.fill("您好，我是小李，马上给您补发")
    await reply.press("Enter")
    told = ground.lines("feishu").locator(".relayed").filter(has_text="马上给您补发")
    await expect(told).to_contain_text("坐席")
    await expect(told).to_contain_text("小李")
    await expect(staff.locator(".thread").get_by_text("马上给您补发")).to_be_visible()
    await expect(reply).to_have_value("")
    assert play.stage.ledger.violations == []


async def test_a_persons_answer_in_the_group_is_told_apart_from_the_bots(window: Window, play: Play) -> None:
    ground = await window.playground()
    await ground.say("wecom", "转人工")
    await ground.pane("staff").get_by_role("button", name="接单").click()
    await ground.pane("staff").get_by_label("在话题里回复客户").fill("我来帮您看看")
    await ground.pane("staff").get_by_role("button", name="回复").click()
    await expect(ground.lines("wecom").locator(".relayed")).to_contain_text("我来帮您看看")
    assert await ground.lines("wecom").locator(".line.bot").count() >= 1
    await play.quiet()


async def test_two_pages_stay_in_step(window: Window, play: Play) -> None:
    mine, hers = await window.playground(), await window.playground(color_scheme="dark")
    await mine.say("feishu", "满多少包邮")
    for ground in (mine, hers):
        await ground.sees("feishu", "79")
    await hers.say("feishu", "转人工")
    await mine.pane("staff").get_by_role("button", name="接单").click()
    await expect(hers.pane("staff").get_by_role("button", name="归还机器人")).to_be_visible()
    await play.quiet()
    said = [words for words in play.stage.ledger.texts(DM) if words]
    for ground in (mine, hers):
        await expect(ground.lines("feishu").locator(".bubble")).to_have_count(len(said))
        assert await ground.texts("feishu") == said


async def test_a_reload_keeps_everything_even_what_is_half_typed(window: Window, play: Play) -> None:
    ground = await window.playground()
    await ground.say("feishu", "转人工", person="赵一")
    await ground.pane("staff").get_by_role("button", name="接单").click()
    await expect(ground.pane("staff").get_by_role("button", name="归还机器人")).to_be_visible()
    await play.quiet()
    await ground.pane("wecom").locator("textarea").press_sequentially("还没写完")
    before = {pane: await ground.texts(pane) for pane in ("wecom", "feishu", "staff")}
    await ground.page.reload(wait_until="load")
    assert {pane: await ground.texts(pane) for pane in ("wecom", "feishu", "staff")} == before
    await expect(ground.pane("staff").get_by_role("button", name="归还机器人")).to_be_visible()
    await expect(ground.pane("wecom").locator("textarea")).to_have_value("还没写完")
    await expect(ground.pane("feishu").get_by_label("赵一")).to_be_checked()
    await expect(ground.lines("feishu").locator("article:visible")).not_to_have_count(0)


async def test_each_customer_has_a_chat_and_the_other_ones_news_shows_as_a_dot(window: Window, play: Play) -> None:
    ground = await window.playground()
    await ground.say("feishu", "满多少包邮")
    await ground.sees("feishu", "79")
    await play.in_feishu("怎么开发票", scene.FEISHU_CUSTOMERS[1])
    await expect(ground.pane("feishu").locator("label.news")).to_have_text("赵一")
    await expect(ground.lines("feishu").get_by_text("怎么开发票")).to_be_hidden()
    await ground.pane("feishu").get_by_label("赵一").check()
    await expect(ground.lines("feishu").get_by_text("怎么开发票")).to_be_visible()
    await expect(ground.lines("feishu").get_by_text("满多少包邮")).to_be_hidden()


async def test_an_example_is_one_click(window: Window) -> None:
    ground = await window.playground()
    await ground.pane("feishu").get_by_role("button", name="常见").click()
    await ground.sees("feishu", "79")
    assert (await ground.texts("feishu"))[0] == "满多少包邮"


async def test_three_quick_lines_arrive_as_three_in_their_order(window: Window, play: Play) -> None:
    ground = await window.playground()
    for words in ("你好", "想问一下", "满多少包邮"):
        await ground.say("feishu", words)
    await ground.sees("feishu", "79")
    assert play.stage.ledger.texts(DM, "customer") == ["你好", "想问一下", "满多少包邮"]


async def test_the_bot_is_seen_thinking_while_it_thinks(open_stage: Open, look: Look) -> None:
    play = await open_stage(delivery={"quiet_s": 2, "cap_s": 3})
    ground = await (await look(play)).playground()
    await ground.say("feishu", "我想问一下：")  # sounds unfinished, so the bot waits for more
    await expect(ground.page.get_by_text("小汇 正在想")).to_be_visible()
    await expect(ground.lines("feishu").locator(".line.bot")).not_to_have_count(0)
    await expect(ground.page.get_by_text("小汇 正在想")).to_be_hidden()
