"""What one self-built app's account is set up with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from conversation.errors import BadSettings

PLATFORM = "wecom_app"


@dataclass(frozen=True, slots=True)
class WecomAppSettings:
    """One app of one company. `previous_key` is the EncodingAESKey before the last change.

    `menu` says for each key of the app's menu what its press asks, as if the member had typed it. `words` "markdown"
    sends texts as Markdown, which members see in the WeCom client only, not in WeChat. `extra_hosts` (host or
    host:port) are those besides `api_base`'s own from which a file may be fetched. Raises `BadSettings`.
    """

    account: str
    corp_id: str
    agent_id: int
    secret: str = field(repr=False)
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)
    previous_key: str = field(default="", repr=False)
    app_name: str = ""
    api_base: str = "https://qyapi.weixin.qq.com/cgi-bin/"
    extra_hosts: tuple[str, ...] = ()
    greeting: str = ""
    menu: Mapping[str, str] = field(default_factory=dict)
    words: Literal["text", "markdown"] = "text"

    def __post_init__(self) -> None:
        if not (self.corp_id and self.secret and self.agent_id > 0):
            raise BadSettings(
                f"wecom_app account {self.account!r} needs corp_id (我的企业), agent_id and secret (应用管理)"
            )
