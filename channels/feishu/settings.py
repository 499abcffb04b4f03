"""What one Feishu app needs to be told; wiring fills it, everything in this folder reads it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from conversation.errors import BadSettings

PLATFORM = "feishu"


@dataclass(frozen=True, slots=True)
class FeishuSettings:
    """One app (企业自建应用) with a bot.

    At least one of `encrypt_key` and `verification_token` is needed: without both, anybody could write to us.
    `staff_chat_id` is the chat whose members are staff. `extra_hosts` are further hosts that files may come from.
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

    def __post_init__(self) -> None:
        if not (self.encrypt_key or self.verification_token):
            raise BadSettings(
                f"feishu account {self.account!r}: set encrypt_key or verification_token (better both), "
                "as shown in the developer console under 事件与回调 > 加密策略"
            )
        origin = urlsplit(self.domain)
        if origin.scheme not in ("https", "http") or not origin.netloc or origin.path.strip("/"):
            raise BadSettings(f"feishu account {self.account!r}: domain must be an origin like https://open.feishu.cn")
