"""What one 群机器人 is set up with; wiring fills it, everything in this folder reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from conversation.errors import BadSettings

PLATFORM = "group_webhook"


@dataclass(frozen=True, slots=True)
class GroupWebhookSettings:
    """One robot of one internal group. `key` is what stands behind `key=` in its webhook address: the whole secret.

    `style` is how words leave. `mentioned` (userids, `@all`) and `mentioned_mobiles` are called in every notice; mobile
    numbers exist in plain texts only, so they turn every notice into one. `card_url` is what a tap on a card opens;
    without it cards leave as words. `extra_hosts` (host or host:port) are where pictures and files may come from.
    """

    account: str
    key: str = field(repr=False)
    style: Literal["text", "markdown", "markdown_v2"] = "markdown"
    mentioned: tuple[str, ...] = ()
    mentioned_mobiles: tuple[str, ...] = ()
    card_url: str = ""
    api_base: str = "https://qyapi.weixin.qq.com/cgi-bin/"
    extra_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        about = f"group_webhook account {self.account!r}"
        if not self.key or "key=" in self.key or not self.key.isprintable():
            raise BadSettings(f"{about}: key is what stands behind key= in the robot's webhook address, not all of it")
        if self.card_url and not self.card_url.startswith(("http://", "https://")):
            raise BadSettings(f"{about}: card_url must be an http(s) address")
