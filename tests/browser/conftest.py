"""A real browser on the real service: pages are opened, clicked and typed into as a person would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, ViewportSize, async_playwright, expect

from tests.journeys.conftest import Play, open_stage, play, prepared

__all__ = ["open_stage", "play", "prepared"]  # fixtures, shared with the journeys

CHROMIUM = Path("/usr/bin/chromium")
HAS_CHROMIUM = CHROMIUM.exists()
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 20_000
PANES = {"wecom": "企业微信群", "feishu": "飞书单聊", "staff": "客服坐席群"}


@dataclass
class Playground:
    """One open playground page."""

    page: Page

    def pane(self, name: str) -> Locator:
        return self.page.get_by_label(PANES[name], exact=True)

    def lines(self, name: str) -> Locator:
        return self.page.locator(f"#lines-{name}")

    async def say(self, pane: str, text: str, *, person: str = "") -> None:
        """Types a line and presses Enter."""
        if person:
            await self.pane(pane).get_by_label(person, exact=True).check()
        field = self.pane(pane).locator("textarea")
        await field.fill(text)
        await field.press("Enter")

    async def sees(self, pane: str, text: str) -> None:
        await expect(self.lines(pane).get_by_text(text).first).to_be_visible()

    async def texts(self, pane: str) -> list[str]:
        """What stands in a pane's bubbles, oldest first."""
        return await self.lines(pane).locator(".bubble").all_inner_texts()


@dataclass
class Window:
    """The browser. What goes wrong on any page is collected, and fails the test unless it was `expected`."""

    browser: Browser
    address: str
    problems: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    async def open(
        self, path: str = "/console/playground", *, size: tuple[int, int] = (1280, 720), **kind: Any
    ) -> Page:
        """A page in a context of its own, as another person's browser. `kind` goes to the browser's context."""
        viewport = ViewportSize(width=size[0], height=size[1])
        context = await self.browser.new_context(viewport=viewport, locale="zh-CN", **kind)
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        await page.goto(f"{self.address}{path}", wait_until="load")
        return page

    async def playground(self, **kind: Any) -> Playground:
        """A playground page whose live stream is connected."""
        page = await self.open(**kind)
        await expect(page.locator("main.playground")).to_be_visible()
        return Playground(page)

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(words in text for words in self.expected):
            self.problems.append(f"{kind}: {text}")


Look = Callable[[Play], Awaitable[Window]]


@pytest.fixture
async def look() -> AsyncIterator[Look]:
    """Opens the browser on a running product; closes it before the product stops."""
    if not HAS_CHROMIUM:
        pytest.skip(f"there is no {CHROMIUM}: install chromium to run the browser's tests")
    expect.set_options(timeout=PATIENCE_MS)
    opened: list[Window] = []
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        async def on(play: Play) -> Window:
            opened.append(Window(browser, f"http://127.0.0.1:{play.service.settings.port}"))
            return opened[-1]

        yield on
        await browser.close()
    assert [one.problems for one in opened if one.problems] == [], "the browser's console stays clean"


@pytest.fixture
async def window(play: Play, look: Look) -> Window:
    """The browser on the product as it comes."""
    return await look(play)
