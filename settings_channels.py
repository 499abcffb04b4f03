"""The settings of one account on each platform, as they stand in the file; `wiring_channels` hands them on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

WECOM_API = "https://qyapi.weixin.qq.com/cgi-bin/"
MP_API = "https://api.weixin.qq.com/cgi-bin/"
#: An EncodingAESKey, or none.
AES_KEY = "^(.{43})?$"


class Section(BaseModel):
    """A part of the settings: unknown names are refused, so that a typo cannot hide."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class WecomBot(Section):
    """A WeCom 智能机器人, by webhook or by its long connection."""

    kind: Literal["wecom_bot"]
    account: str = "main"
    mode: Literal["webhook", "long_connection"] = "webhook"
    token: str = ""
    encoding_aes_key: str = Field(default="", pattern=AES_KEY)
    previous_aes_key: str = Field(default="", pattern=AES_KEY)
    bot_name: str = Field(min_length=1)
    bot_id: str = ""
    secret: str = ""
    api_base: str = WECOM_API
    ws_url: str = Field(default="wss://openws.work.weixin.qq.com", pattern="^wss?://")
    extra_hosts: tuple[str, ...] = ()
    greeting: str = ""

    @model_validator(mode="after")
    def _has_what_its_mode_needs(self) -> WecomBot:
        if self.mode == "webhook" and not (self.token and self.encoding_aes_key):
            raise ValueError("a wecom_bot in webhook mode needs token and encoding_aes_key, as its page shows them")
        if self.mode == "long_connection" and not (self.bot_id and self.secret):
            raise ValueError("a wecom_bot on the long connection needs bot_id and secret, as its page shows them")
        return self


class WecomApp(Section):
    """A WeCom self-built app (自建应用), for members of the company and the group chats that it made."""

    kind: Literal["wecom_app"]
    account: str = "main"
    corp_id: str = Field(min_length=1)
    agent_id: int = Field(gt=0)
    secret: str = Field(min_length=1)
    token: str = Field(min_length=1)
    encoding_aes_key: str = Field(min_length=43, max_length=43)
    previous_aes_key: str = Field(default="", pattern=AES_KEY)
    app_name: str = ""
    api_base: str = WECOM_API
    extra_hosts: tuple[str, ...] = ()
    greeting: str = ""
    menu: dict[str, str] = Field(default_factory=dict)
    words: Literal["text", "markdown"] = "text"


class WecomKf(Section):
    """微信客服: customers write in WeChat, the accounts are the company's."""

    kind: Literal["wecom_kf"]
    account: str = "main"
    corp_id: str = Field(min_length=1)
    secret: str = Field(min_length=1)
    token: str = Field(min_length=1)
    encoding_aes_key: str = Field(min_length=43, max_length=43)
    previous_aes_key: str = Field(default="", pattern=AES_KEY)
    open_kfids: tuple[str, ...] = ()
    api_base: str = WECOM_API
    extra_hosts: tuple[str, ...] = ()
    greeting: str = ""


class NoticeTemplate(Section):
    """The template or subscription message that is left when a customer's 48 hours are over."""

    template_id: str = Field(min_length=1)
    words_field: str = Field(min_length=1)
    kind: Literal["template", "subscription"] = "template"
    field_limit: int = Field(default=20, ge=1)
    fixed: dict[str, str] = Field(default_factory=dict)
    link: str = ""


class _Mp(Section):
    account: str = "main"
    app_id: str = Field(min_length=1)
    secret: str = Field(min_length=1)
    token: str = Field(min_length=1)
    encoding_aes_key: str = Field(default="", pattern=AES_KEY)
    previous_aes_key: str = Field(default="", pattern=AES_KEY)
    api_base: str = MP_API
    extra_hosts: tuple[str, ...] = ()
    typing: bool = True
    greeting: str = ""
    transfer_words: tuple[str, ...] = ()
    notice: NoticeTemplate | None = None


class OfficialAccount(_Mp):
    """A 公众号. Without `encoding_aes_key` it is in 明文模式."""

    kind: Literal["official_account"]
    hold_s: float = Field(default=4.5, ge=0, le=4.8)
    menu: dict[str, str] = Field(default_factory=dict)
    kf_account: str = ""


class MiniProgram(_Mp):
    """The customer-service messages of a 小程序."""

    kind: Literal["mini_program"]
    thumb_media_id: str = ""
    thumb_url: str = ""


class GroupWebhook(Section):
    """A WeCom 群机器人: notices go out, nothing comes in."""

    kind: Literal["group_webhook"]
    account: str = "main"
    key: str = Field(min_length=1)
    style: Literal["text", "markdown", "markdown_v2"] = "markdown"
    mentioned: tuple[str, ...] = ()
    mentioned_mobiles: tuple[str, ...] = ()
    card_url: str = Field(default="", pattern="^(https?://.*)?$")
    api_base: str = WECOM_API
    extra_hosts: tuple[str, ...] = ()


class Feishu(Section):
    """A Feishu self-built app with a bot, by webhook or by its long connection."""

    kind: Literal["feishu"]
    account: str = "main"
    mode: Literal["webhook", "long_connection"] = "webhook"
    app_id: str = Field(min_length=1)
    app_secret: str = Field(min_length=1)
    encrypt_key: str = ""
    verification_token: str = ""
    domain: str = "https://open.feishu.cn"
    bot_open_id: str = ""
    bot_name: str = ""
    working_emoji: str = ""
    extra_hosts: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_what_its_mode_needs(self) -> Feishu:
        if self.mode == "webhook" and not self.verification_token:
            raise ValueError("a feishu app in webhook mode needs verification_token, as 事件与回调 > 加密策略 shows it")
        return self


class Bridge(Section):
    """A gateway that speaks our signed contract (docs/channels/bridge.md)."""

    kind: Literal["bridge"]
    account: str = "main"
    secret: str = Field(min_length=16)
    previous_secret: str = ""
    bot_name: str = ""
    bot_id: str = ""
    api_base: str = Field(default="", pattern="^(https?://.*)?$")
    bridge_id: str = ""
    tap: bool = False
    receipts: bool = True
    receipt_wait_s: float = Field(default=3.0, gt=0, le=30)
    expires_s: float = Field(default=300.0, gt=0)
    offer_expires_s: float = Field(default=86_400.0, gt=0)
    max_text_bytes: int = Field(default=4096, ge=256)
    extra_hosts: tuple[str, ...] = ()


class WebWidget(Section):
    """A chat on one's own web pages."""

    kind: Literal["web_widget"]
    account: str = "main"
    visitor_key: str = Field(min_length=32)
    previous_key: str = ""
    allowed_origins: tuple[Annotated[str, Field(pattern=r"^https?://[^/\s*]+$")], ...] = ()
    title: str = "在线客服"
    title_en: str = "Customer service"
    greeting: str = "您好，请问有什么可以帮您？"
    greeting_en: str = "Hello, how can we help you?"
    accent: str = Field(default="#2259d6", pattern="^#[0-9a-fA-F]{6}$")
    max_text: int = Field(default=2000, ge=1)
    per_minute: int = Field(default=20, ge=1)
    address_per_minute: int = Field(default=600, ge=1)
    pictures: bool = True
    keep_days: float = Field(default=90.0, gt=0)


ChannelSettings = Annotated[
    WecomBot | WecomApp | WecomKf | OfficialAccount | MiniProgram | GroupWebhook | Feishu | Bridge | WebWidget,
    Field(discriminator="kind"),
]
