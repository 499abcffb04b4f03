"""What one bot's account is set up with, and the words its bubbles show by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from conversation.errors import BadSettings

PLATFORM = "wecom_bot"

#: How the platform reaches a bot; it is set on the bot's page, and only one of the two works at a time.
Mode = Literal["webhook", "long_connection"]


@dataclass(frozen=True, slots=True)
class BubbleWords:
    """Words of the bubble itself; answers come from the turn.

    `looking` is shown until there is an answer, `late` when there is none after five and a half minutes, `elsewhere`
    in a bubble whose question was answered in another one, `hushed` when nothing is to be said.
    """

    looking: str = "正在为您查询…"
    late: str = "还没有查到结果，有了结果会在这里另行回复您。"
    elsewhere: str = "已一并答复，请您看另一条回复。"
    hushed: str = "好的。"


@dataclass(frozen=True, slots=True)
class WecomBotSettings:
    """One bot. In webhook mode it needs `token` and `encoding_aes_key`, on the long connection `bot_id` and `secret`.

    `previous_key` is the EncodingAESKey before the last change, kept while old callbacks may arrive. `api_base` and
    `extra_hosts` (host or host:port) name where response URLs and media may point besides the platform's own hosts.
    `ws_url` is where the long connection leads. Raises `BadSettings` for what its mode lacks.
    """

    account: str
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)
    bot_name: str
    bot_id: str
    previous_key: str = field(default="", repr=False)
    api_base: str = "https://qyapi.weixin.qq.com/cgi-bin/"
    extra_hosts: tuple[str, ...] = ()
    greeting: str = ""
    mode: Mode = "webhook"
    secret: str = field(default="", repr=False)
    ws_url: str = "wss://openws.work.weixin.qq.com"

    def __post_init__(self) -> None:
        if self.mode == "webhook":
            return
        if not (self.bot_id and self.secret):
            raise BadSettings(
                f"wecom_bot account {self.account!r}: the long connection needs bot_id and secret, as the bot's page "
                "shows them under API 模式 > 长连接"
            )
        if not self.ws_url.startswith(("wss://", "ws://")):
            raise BadSettings(f"wecom_bot account {self.account!r}: ws_url must start with wss://")
