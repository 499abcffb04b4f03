"""How pages look and behave: hostile words, small screens, the keyboard, names for everything, weight."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Window
from tests.journeys.conftest import DM, Play

HOSTILE = (
    '<script>window.hit = 1</script><img src=x onerror="window.hit = 2">',
    "</p></article><b onmouseover=window.hit=3>粗</b>{{ 7*7 }}",
    "**加粗** [点我](javascript:window.hit=4) `code`",
    "A" * 600,
)
NO_SCROLL = """() => [...document.querySelectorAll('html, .lines, .list, .timeline, .card-body, .composer')]
    .filter((one) => one.offsetParent !== null || one.tagName === 'HTML')
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className || one.tagName)"""
NAMELESS = """() => [...document.querySelectorAll('input, textarea, button, a, summary, [tabindex="0"]')]
    .filter((one) => one.type !== 'hidden')
    .filter((one) => !(one.labels && [...one.labels].some((label) => label.innerText.trim())))
    .filter((one) => !one.getAttribute('aria-label') && !(one.textContent || '').trim())
    .map((one) => one.outerHTML.slice(0, 120))"""
WEIGHTS = """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .map((one) => [one.name, one.decodedBodySize])"""
SIZES = [(1280, 720), (390, 844)]


async def assert_fits(page: Page) -> None:
    assert await page.evaluate(NO_SCROLL) == [], "nothing is wider than its place"
    assert await page.evaluate(NAMELESS) == [], "everything one can reach has a name"


async def conversation_of(window: Window, name: str) -> Page:
    page = await window.open("/console/")
    await page.locator(".row").filter(has_text=name).first.click()
    await expect(page.locator(".timeline")).to_be_visible()
    return page


async def test_hostile_words_are_words(window: Window, play: Play) -> None:
    ground = await window.playground()
    for words in HOSTILE:
        await ground.say("feishu", words)
        await expect(ground.lines("feishu").locator(".line.customer .bubble").last).to_have_text(words)
    await ground.say("feishu", "转人工")
    reply = ground.pane("staff").get_by_label("在话题里回复客户").first
    await reply.fill(HOSTILE[0])
    await reply.press("Enter")
    await expect(ground.lines("feishu").locator(".relayed").last).to_contain_text("window.hit = 1")
    await play.quiet()
    await assert_fits(ground.page)
    await ground.page.reload(wait_until="load")
    talk = await conversation_of(window, "陈晨")
    await expect(talk.locator(".timeline")).to_contain_text(HOSTILE[0])
    for page in (ground.page, talk, await window.open("/console/")):
        assert await page.evaluate("window.hit") is None
        assert await page.locator("main img, main script, main b[onmouseover]").count() == 0
        await assert_fits(page)


async def test_a_hostile_name_is_a_name(window: Window, play: Play) -> None:
    name = '<img src=x onerror="window.hit=1">'
    await play.stage.feishu.say(
        chat_id="oc_p2p_evil", user_open_id="ou_evil", user_name=name, text="转人工", chat_type="p2p"
    )
    await play.card()
    ground = await window.playground()
    await expect(ground.lines("staff")).to_contain_text(name)
    talk = await conversation_of(window, name)
    await expect(talk.get_by_role("heading", level=1)).to_have_text(name)
    for page in (ground.page, talk):
        assert await page.evaluate("window.hit") is None


async def test_the_whole_story_with_the_keyboard_alone(window: Window, play: Play) -> None:
    ground = await window.playground()
    page = ground.page

    async def tab_to(wanted: str) -> None:
        for _ in range(80):
            if await page.evaluate("(wanted) => document.activeElement.matches(wanted)", wanted):
                outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", "one sees where one is"
                return
            await page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reached {wanted}")

    await tab_to("#say-feishu")
    await page.keyboard.type("转人工")
    await page.keyboard.press("Enter")
    await expect(ground.pane("staff").get_by_role("button", name="接单")).to_be_visible()
    await tab_to(".buttons button.primary")
    await page.keyboard.press("Enter")
    await expect(ground.pane("staff").get_by_role("button", name="归还机器人")).to_be_focused()
    await tab_to(".thread-reply input")
    await page.keyboard.type("您好，我在")
    await page.keyboard.press("Enter")
    await ground.sees("feishu", "您好，我在")
    await page.goto(f"{window.address}/console/")
    await page.keyboard.press("j")
    await expect(page.locator(".row").first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("陈晨")


async def test_inbox_and_conversation_tell_the_same_as_the_platform(window: Window, play: Play) -> None:
    await play.in_feishu("满多少包邮")
    await play.answer(DM)
    await play.quiet()
    inbox = await window.open("/console/")
    row = inbox.locator(".row").filter(has_text="陈晨")
    await expect(row).to_contain_text("79")
    await expect(row).to_contain_text("机器人在答")
    await row.click()
    shown = inbox.locator(".timeline .bubble")
    await expect(shown).to_have_count(2)
    assert await shown.all_inner_texts() == play.stage.ledger.texts(DM)
    await inbox.get_by_text("因为：知识库里就有").click()
    await expect(inbox.get_by_text("没有动用大模型")).to_be_visible()


async def test_both_console_pages_renew_themselves(window: Window, play: Play) -> None:
    inbox = await window.open("/console/")
    await expect(inbox.get_by_text("还没有对话")).to_be_visible()
    await play.in_feishu("转人工")
    card = await play.card()
    row = inbox.locator(".row").filter(has_text="陈晨")
    await expect(row).to_contain_text("等人工接单")
    await row.focus()
    await inbox.keyboard.press("Enter")
    await expect(inbox.locator(".owner")).to_contain_text("等人工接单")
    await inbox.locator("details.thought summary").first.click()
    await play.press(card, "接单")
    await expect(inbox.locator(".owner")).to_contain_text("小李 在答")
    await expect(inbox.locator("details.thought").first).to_have_attribute("open", "")
    await play.staff_writes(card, "您好，我是小李")
    await expect(inbox.locator(".timeline .line.staff")).to_contain_text("您好，我是小李")


@pytest.mark.parametrize("size", SIZES, ids=["laptop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_fit_the_screen(window: Window, play: Play, size: tuple[int, int], scheme: str) -> None:
    window.expected = ("404",)
    await play.in_group("怎么申请退款")
    await play.in_feishu("收到的杯子是碎的，太失望了，你们说好会好好包装的，" * 6)
    await play.quiet()
    await play.in_feishu("转人工")
    await play.card()
    await play.quiet()
    ground = await window.playground(size=size, color_scheme=scheme)
    page = ground.page
    await assert_fits(page)
    for pane in ("wecom", "feishu", "staff", "trace"):
        if size[0] < 720:
            await page.locator(f"[data-show={pane}]").click()
        shown = page.locator(f"[data-pane={pane}]")
        await expect(shown).to_be_visible()
        await expect(shown).to_be_in_viewport(ratio=0.99)
        await assert_fits(page)
        if pane in ("wecom", "feishu"):
            await expect(shown.get_by_role("button", name="发送")).to_be_in_viewport(ratio=1)
    for path in ("/console/", "/console/api", "/console/nowhere"):
        await assert_fits(await window.open(path, size=size, color_scheme=scheme))
    talk = await window.open("/console/", size=size, color_scheme=scheme)
    await talk.locator(".row").first.click()
    await expect(talk.locator(".timeline")).to_be_visible()
    await assert_fits(talk)


async def test_a_page_weighs_little(window: Window, play: Play) -> None:
    for words in ("满多少包邮", "怎么开发票", "转人工"):
        await play.in_feishu(words)
        await play.quiet()
    for path in ("/console/playground", "/console/"):
        loaded = await (await window.open(path)).evaluate(WEIGHTS)
        assert sum(weight for _, weight in loaded) <= 250_000, loaded
        assert all(url.startswith(window.address) for url, _ in loaded), "nothing comes from elsewhere"


async def test_times_are_the_viewers_own(window: Window, play: Play) -> None:
    await play.in_feishu("满多少包邮")
    await play.answer(DM)
    for zone in ("Asia/Shanghai", "America/New_York"):
        ground = await window.playground(timezone_id=zone)
        stamp = ground.lines("feishu").locator("time").first
        said = await stamp.evaluate("(time) => new Date(time.dateTime).toTimeString().slice(0, 5)")
        await expect(stamp).to_have_text(said)
    inbox = await window.open("/console/")
    await expect(inbox.locator(".row time").first).to_have_text("刚刚")


async def test_reasons_of_a_turn_are_one_link_away(window: Window, play: Play) -> None:
    await play.in_feishu("满多少包邮")
    await play.answer(DM)
    await play.quiet()
    ground = await window.playground()
    await ground.page.locator("#trace").get_by_role("link", name="陈晨").first.click()
    await expect(ground.page.locator("details.thought")).to_have_attribute("open", "")
    await expect(ground.page.locator("details.thought")).to_contain_text("《")
