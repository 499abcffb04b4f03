"""What one Feishu app needs to be told; wiring fills it, everything in this folder reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from conversation.errors import BadSettings

PLATFORM = "feishu"

#: How Feishu brings events and callbacks; it is chosen in the developer console under 事件与回调 > 订阅方式.
Mode = Literal["webhook", "long_connection"]


@dataclass(frozen=True, slots=True)
class FeishuSettings:
    """One app (企业自建应用) with a bot.

    In webhook mode at least one of `encrypt_key` and `verification_token` is needed: without both, anybody could write
    to us. `staff_chat_id` is the chat whose members are staff. `extra_hosts` are further hosts that files may come
    from. `working_emoji` (e.g. OnIt) is put on a message that is being answered and taken off with the answer; each
    answer then costs two more calls.
    """

    account: str
    app_id: str
    app_secret: str
    encrypt_key: str
    verification_token: str
    domain: str = "https://open.feishu.cn"
    bot_open_id: str = ""
    bot_name: str = ""
    staff_chat_id: str = ""
    extra_hosts: tuple[str, ...] = ()
    mode: Mode = "webhook"
    working_emoji: str = ""

    def __post_init__(self) -> None:
        if self.mode == "webhook" and not (self.encrypt_key or self.verification_token):
            raise BadSettings(
                f"feishu account {self.account!r}: set encrypt_key or verification_token (better both), "
                "as shown in the developer console under 事件与回调 > 加密策略"
            )
        origin = urlsplit(self.domain)
        if origin.scheme not in ("https", "http") or not origin.netloc or origin.path.strip("/"):
            raise BadSettings(f"feishu account {self.account!r}: domain must be an origin like https://open.feishu.cn")
