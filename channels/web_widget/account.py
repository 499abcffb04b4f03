"""What one widget is set up with, and the limits that every widget keeps."""

from __future__ import annotations

from dataclasses import dataclass, field

PLATFORM = "web_widget"

#: Bytes of a call without a picture.
CALL_LIMIT = 64 * 1024
PICTURE_LIMIT = 5 * 1024 * 1024
PICTURES_A_DAY = 20
#: Lines in one answer; older ones are asked for page by page.
PAGE = 50
#: Seconds that a call may wait for news where a stream is not possible.
LONGEST_WAIT_S = 25.0


@dataclass(frozen=True, slots=True)
class WebWidgetSettings:
    """One widget, for one site or several.

    `visitor_key` signs what visitors are known by; `previous_key` is the one before the last change. `allowed_origins`
    are the sites that may show the widget, each exactly as a browser names it (`https://shop.example.com`); pages
    served under the widget's own host always may. `accent` is a colour as `#rrggbb`. `max_text` counts characters,
    `per_minute` the messages of one visitor, `address_per_minute` the calls for a new visitor or a message from one
    network address. Lines and pictures are forgotten after `keep_days`.
    """

    account: str
    visitor_key: str = field(repr=False)
    previous_key: str = field(default="", repr=False)
    allowed_origins: tuple[str, ...] = ()
    title: str = "在线客服"
    title_en: str = "Customer service"
    greeting: str = "您好，请问有什么可以帮您？"
    greeting_en: str = "Hello, how can we help you?"
    accent: str = "#2259d6"
    max_text: int = 2000
    per_minute: int = 20
    address_per_minute: int = 600
    pictures: bool = True
    keep_days: float = 90.0
