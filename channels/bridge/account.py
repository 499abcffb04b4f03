"""What one gateway's account is set up with; wiring fills it, everything in this folder reads it."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from conversation.errors import BadSettings

PLATFORM = "bridge"
_SECRET_LEAST = 16


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """One gateway, which serves one chat account (one WeChat number, one 会话存档 reader).

    `api_base` is the gateway's own address: commands are posted to `{api_base}/commands`. Without it the gateway
    fetches them by long polling. `previous_secret` is the secret before the last change, kept while old requests may
    arrive. `bridge_id` is what `X-Bridge-Id` must say; empty: the account's name.
    `tap`: commands only offer a draft that a person at the gateway sends with one tap.
    `receipts` is False for a gateway that never says what became of a command: then taking one counts as delivery.
    `receipt_wait_s` is how long one try waits for a receipt, `expires_s` how long a reply may be shown late,
    `offer_expires_s` the same for a draft. `extra_hosts` (host or host:port) are where files may come from besides the
    gateway itself.
    """

    account: str
    secret: str = field(repr=False)
    bot_name: str = ""
    bot_id: str = ""
    api_base: str = ""
    previous_secret: str = field(default="", repr=False)
    bridge_id: str = ""
    tap: bool = False
    receipts: bool = True
    receipt_wait_s: float = 3.0
    expires_s: float = 300.0
    offer_expires_s: float = 86_400.0
    max_text_bytes: int = 4096
    extra_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        about = f"bridge account {self.account!r}"
        for name, secret in (("secret", self.secret), ("previous_secret", self.previous_secret)):
            if (secret or name == "secret") and len(secret) < _SECRET_LEAST:
                raise BadSettings(f"{about}: {name} must have at least {_SECRET_LEAST} characters; make one at random")
        if self.api_base and not _is_http(self.api_base):
            raise BadSettings(f"{about}: api_base must be the gateway's http(s) address, or empty for polling")
        if self.max_text_bytes < 256:
            raise BadSettings(f"{about}: max_text_bytes must be at least 256")

    @property
    def pulls(self) -> bool:
        """Whether the gateway fetches its commands."""
        return not self.api_base

    @property
    def known_as(self) -> str:
        """The gateway's name in `X-Bridge-Id`."""
        return self.bridge_id or self.account


def _is_http(address: str) -> bool:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host)
