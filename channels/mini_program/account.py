"""What one 小程序 is set up with."""

from __future__ import annotations

from dataclasses import dataclass, field

from channels.mp_notice import Notice

PLATFORM = "mini_program"


@dataclass(frozen=True, slots=True)
class MiniProgramSettings:
    """One 小程序. Without `encoding_aes_key` its callbacks are plain, with it they must be encrypted.

    `previous_key` is the EncodingAESKey before the last change. `greeting` is said to who opens the chat. A customer
    whose text is one of `transfer_words` is handed to WeChat's own 客服 tool for half an hour. `thumb_media_id` and
    `thumb_url` are the pictures of pages and links that are sent. `notice` (a subscription message) is the way out
    when the 48 hours are over.
    """

    account: str
    app_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    encoding_aes_key: str = field(default="", repr=False)
    previous_key: str = field(default="", repr=False)
    api_base: str = "https://api.weixin.qq.com/cgi-bin/"
    extra_hosts: tuple[str, ...] = ()
    typing: bool = True
    greeting: str = ""
    transfer_words: tuple[str, ...] = ()
    thumb_media_id: str = ""
    thumb_url: str = ""
    notice: Notice | None = None
