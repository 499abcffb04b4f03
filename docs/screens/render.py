"""Renews the pictures in this folder: starts the demo, plays a short scene in a browser, takes screenshots.

    .venv/bin/python docs/screens/render.py

Needs the dev extras and a Chromium (`CHROMIUM`, default /usr/bin/chromium). `--url` drives a running demo instead.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZE = {"width": 1440, "height": 860}
#: The first start trains the local classifiers; on a slow machine that takes a minute.
START_S = 180
PATIENCE_MS = 20_000
#: The trace renews itself every two seconds, and the notice of a pressed button fades after a few.
SETTLED_MS = 6_000

GROUP, CHAT, STAFF = "企业微信群", "飞书单聊", "客服坐席群"


def main() -> None:
    """Takes all pictures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--url", default="", help="a running `huiying serve --demo`, e.g. http://127.0.0.1:8000")
    options.add_argument("--out", type=Path, default=HERE, help="the folder to write to")
    chosen = options.parse_args()
    with demo(chosen.url) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE, locale="zh-CN", timezone_id="Asia/Shanghai")
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: sys.stderr.write(f"page error: {error}\n"))
        play(page, address)
        page.screenshot(path=chosen.out / "playground.png")
        look_into_a_conversation(page, address)
        page.screenshot(path=chosen.out / "conversation.png")
        browser.close()


@contextmanager
def demo(url: str) -> Iterator[str]:
    """The address of a demo: the one given, or one of our own on a free port with a data folder of its own."""
    if url:
        yield url.rstrip("/")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="huiying-screens-") as folder:
        environment = {**os.environ, "HUIYING_DATA_DIR": folder, "HUIYING_PORT": str(port), "HUIYING_CONFIG": ""}
        command = [sys.executable, "-m", "app", "serve", "--demo"]
        service = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_ready(address, service)
            yield address
        finally:
            service.terminate()
            service.wait(30)


def wait_until_ready(address: str, service: subprocess.Popen[bytes]) -> None:
    """Returns once the service answers; raises when it ended or takes too long."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if service.poll() is not None:
            raise SystemExit("the demo ended at once: run `huiying serve --demo` to see why")
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.3)
    raise SystemExit(f"the demo was not ready within {START_S} s")


def play(page: Page, address: str) -> None:
    """A question in the group, an upset customer on Feishu, a colleague who takes over."""
    page.goto(f"{address}/console/playground", wait_until="commit")
    page.wait_for_selector("#lines-wecom")
    page.wait_for_selector("#lines-staff")
    say(page, GROUP, "我刚买的耳机怎么同时连两台手机", answered_by="双设备")
    page.locator(f"section[aria-label='{GROUP}']").get_by_text("丽丽", exact=True).first.click()
    page.locator(f"section[aria-label='{GROUP}'] input[name=mention]").uncheck()
    say(page, GROUP, "今天好热啊", answered_by="它才听得到")
    page.locator(f"section[aria-label='{GROUP}'] input[name=mention]").check()
    say(page, GROUP, "怎么申请退款", answered_by="申请售后")
    say(page, CHAT, "满多少包邮", answered_by="79 元包邮")
    say(page, CHAT, "收到的杯子是碎的！", answered_by="已为您登记工单")
    say(page, CHAT, "等了三天没人理，太气人了，转人工", answered_by="已为您转接人工客服")
    staff = page.locator(f"section[aria-label='{STAFF}']")
    staff.get_by_role("button", name="接单").first.click()
    page.locator("#lines-feishu").get_by_text("人工客服已接入").first.wait_for()
    reply = staff.locator("input[name=text]").first
    reply.fill("您好，我是小李，杯子今天就给您补发。")
    reply.press("Enter")
    page.locator("#lines-feishu").get_by_text("今天就给您补发").wait_for()
    page.locator("aside.trace").get_by_text("转人工").first.wait_for()
    page.locator("h1").first.click()
    page.wait_for_timeout(SETTLED_MS)


def say(page: Page, pane: str, words: str, *, answered_by: str) -> None:
    """Writes into a pane and waits for a line that holds `answered_by`."""
    section = page.locator(f"section[aria-label='{pane}']")
    box = section.locator("textarea")
    box.fill(words)
    box.press("Enter")
    section.locator(".lines").get_by_text(answered_by).first.wait_for()


def look_into_a_conversation(page: Page, address: str) -> None:
    """The newest conversation of the console, with the reasons of its turns unfolded."""
    page.goto(f"{address}/console/", wait_until="commit")
    page.locator(".row").first.click()
    page.locator("details").first.wait_for()
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


if __name__ == "__main__":
    main()
