"""Every setting of the product, typed, with the rules they must keep; `settings_file` reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, TypeAdapter, field_validator, model_validator

from settings_channels import ChannelSettings, Section


class Helpdesk(Section):
    """Feishu 服务台 credentials, from 服务台后台 > 设置中心 > API 凭证."""

    id: str = Field(min_length=1)
    token: str = Field(min_length=1)
    user_access_token: str = ""
    guest_open_id: str = ""


class Hours(Section):
    """When people are at the desk."""

    opens: str = "09:00"
    closes: str = "21:00"
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    timezone: str = "Asia/Shanghai"
    reply_within_minutes: float = Field(default=5, gt=0)

    @field_validator("opens", "closes")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
            raise ValueError('write a time of day as "09:00"')
        return value

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {value!r}: write a name such as Asia/Shanghai") from None
        return value


class Desk(Section):
    """Where people work."""

    feishu_account: str = ""
    staff_chat_id: str = ""
    helpdesk: Helpdesk | None = None
    hours: Hours = Hours()


class Knowledge(Section):
    """What is imported at every start (unchanged files cost nothing)."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    import_paths: tuple[Path, ...] = Field(default=(), alias="import")


class Delivery(Section):
    """How long an unfinished line is waited for (seconds), and how many conversations are thought about at once."""

    quiet_s: float = Field(default=1.2, ge=0, le=30)
    cap_s: float = Field(default=3.0, ge=0, le=60)
    slots: int = Field(default=16, ge=1, le=256)


class Llm(Section):
    """An OpenAI-compatible endpoint. Without `base_url` the service runs on its local models."""

    base_url: str = ""
    api_key: str = ""
    model: str = ""
    fallback_models: tuple[str, ...] = ()
    timeout_s: float = Field(default=8.0, gt=0, le=60)
    structured_output: Literal["json_schema", "function_calling", "json_mode"] = "json_schema"
    use_for_triage: bool = False
    use_for_emotion: bool = False
    use_for_tickets: bool = False

    @property
    def configured(self) -> bool:
        """True when answers may be written by a language model."""
        return bool(self.base_url)

    @model_validator(mode="after")
    def _is_whole(self) -> Llm:
        if self.base_url and not self.model:
            raise ValueError("HUIYING_LLM_BASE_URL is set but HUIYING_LLM_MODEL is not: name the model to use")
        if self.base_url and not self.base_url.startswith(("http://", "https://")):
            raise ValueError("HUIYING_LLM_BASE_URL must start with http:// or https://")
        return self


class Embedding(Section):
    """How the model of `embedding_model` is reached and read. Prefixes stand before every question or entry text."""

    base_url: str = Field(default="", pattern="^(https?://.*)?$")
    api_key: str = ""
    dimensions: int = Field(default=0, ge=0, le=16384)
    query_prefix: str = ""
    document_prefix: str = ""
    batch: int = Field(default=10, ge=1, le=2048)
    timeout_s: float = Field(default=0.8, gt=0, le=1.8)


class OwnIntent(Section):
    """A deployer's own intent: what customers say for it, its group in routing and reports, its name for staff."""

    examples: tuple[str, ...] = ()
    category: str = ""
    name: str = ""


class OwnIntents(Section):
    """The deployer's own intents, beside the built-in ones or in their place; `file` holds further examples."""

    mode: Literal["extend", "replace"] = "extend"
    file: str = ""
    labels: dict[str, OwnIntent] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _replaces_by_something(self) -> OwnIntents:
        if self.mode == "replace" and not self.labels and not self.file:
            raise ValueError("mode is replace, but there is no intent: give labels or a file")
        return self


class Triage(Section):
    """What is told apart in customers' words."""

    intents: OwnIntents = OwnIntents()


class Settings(Section):
    """The whole product's settings. Relative paths are relative to the folder the command runs in."""

    data_dir: Path = Path("var")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str = ""
    database_url: str = ""
    redis_url: str = ""
    chroma_url: str = ""
    embedding_model: str = ""
    embedding: Embedding = Embedding()
    damaged_models: Literal["refuse", "fall_back"] = "refuse"
    playground: Literal["auto", "on", "off"] = "auto"
    console_open: bool = False
    room_right: Literal["observe", "draft", "tap", "auto"] = "auto"
    llm: Llm = Llm()
    triage: Triage = Triage()
    channels: tuple[ChannelSettings, ...] = ()
    desk: Desk = Desk()
    knowledge: Knowledge = Knowledge()
    delivery: Delivery = Delivery()

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        names = [(channel.kind, channel.account) for channel in self.channels]
        doubles = {name for name in names if names.count(name) > 1}
        if doubles:
            kind, account = sorted(doubles)[0]
            raise ValueError(f"two channels are both {kind}/{account}: give each its own account name")
        accounts = [channel.account for channel in self.channels if channel.kind == "feishu"]
        if self.desk.staff_chat_id and self.desk.feishu_account not in accounts:
            raise ValueError(
                "desk.staff_chat_id needs desk.feishu_account to name one of the feishu channels; "
                f"there are: {', '.join(accounts) or 'none'}"
            )
        if self.database_url and not self.database_url.startswith(("sqlite:///", "postgresql://")):
            raise ValueError("HUIYING_DATABASE_URL must start with sqlite:/// or postgresql://")
        if self.embedding_model == "openai:":
            raise ValueError("embedding_model is openai: without a model: write openai:NAME, such as openai:bge-m3")
        if self.embedding_model.startswith("openai:") and not self.embedding_endpoint[0]:
            raise ValueError("embedding_model is at an endpoint: set HUIYING_EMBEDDING_BASE_URL, with its /v1")
        return self

    @property
    def embedding_endpoint(self) -> tuple[str, str]:
        """Address and key of the embedding model; those of the language model where no address is given.

        A key goes to the address it was given with, and to no other.
        """
        own = self.embedding
        return (own.base_url, own.api_key) if own.base_url else (self.llm.base_url, own.api_key or self.llm.api_key)

    @property
    def database(self) -> str:
        """The database to open; SQLite in the data folder unless one is named."""
        return self.database_url or f"sqlite:///{self.data_dir / 'huiying.sqlite3'}"

    @property
    def plays(self) -> bool:
        """True when the playground's doubles run: asked for, or no real channel is configured."""
        return self.playground == "on" or (self.playground == "auto" and not self.channels)

    def with_stage(self, channels: list[dict[str, Any]], desk: dict[str, Any]) -> Settings:
        """These settings with the playground's channels beside one's own, and its desk where none is configured."""
        staged = [TypeAdapter(ChannelSettings).validate_python(channel) for channel in channels]
        own_desk = self.desk if self.desk.staff_chat_id else self.desk.model_copy(update=desk)
        return self.model_copy(update={"channels": (*self.channels, *staged), "desk": own_desk})
