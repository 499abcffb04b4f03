"""What one 公众号 is set up with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from channels.mp_notice import Notice

PLATFORM = "official_account"
#: The platform hangs up after five seconds; the answer needs a moment to travel.
HOLD_S = 4.5


@dataclass(frozen=True, slots=True)
class OfficialAccountSettings:
    """One account. Without `encoding_aes_key` it is in 明文模式, with it in 兼容模式 or 安全模式.

    `previous_key` is the EncodingAESKey before the last change. `hold_s` is how long a callback waits for its answer
    (0: never, every answer is a customer-service message). `menu` maps a menu button's key to the question it stands
    for. A customer whose text is one of `transfer_words` is handed to WeChat's own 客服 tool. `kf_account` is the
    persona that answers. `notice` is the way out when the 48 hours are over.
    """

    account: str
    app_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    encoding_aes_key: str = field(default="", repr=False)
    previous_key: str = field(default="", repr=False)
    api_base: str = "https://api.weixin.qq.com/cgi-bin/"
    extra_hosts: tuple[str, ...] = ()
    hold_s: float = HOLD_S
    typing: bool = True
    greeting: str = ""
    menu: Mapping[str, str] = field(default_factory=dict)
    transfer_words: tuple[str, ...] = ()
    kf_account: str = ""
    notice: Notice | None = None
