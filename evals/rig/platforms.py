"""Both platforms and a language model as loopback doubles, and the settings that point a service at them."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from evals.rig.loopback import HOST, listening, serving, url_of
from evals.rig.model_relay import ModelEndpoint, ModelRelay
from playground.faults import Faults
from playground.feishu_double import FeishuDouble
from playground.ledger import DoubleLedger
from playground.llm_double import LlmDouble
from playground.wecom_double import WecomDouble
from settings import Settings

ACCOUNT = "rig"
BOT_NAME, BOT_OPEN_ID, BOT_ID = "小汇", "ou_rig_bot", "aib_rig"
STAFF_CHAT = "oc_rig_staff"
MODEL = "double"
#: How often WeCom asks for the rest of a bubble, in real seconds: quicker than the real one, to save time.
REFRESH_S = 0.1
#: Keys of accounts that exist on loopback only.
TOKEN, AES_KEY = "rigToken", "nRNjmkXPURyNOUPvRz4suZ394LfhwWNHn6iSDVfo1i7"
ENCRYPT_KEY, VERIFICATION, APP_ID, APP_SECRET = "rig-encrypt-key", "rigVerification", "cli_rig", "rig-secret"
SAMPLE = Path(__file__).resolve().parents[2] / "knowledge" / "sample"


class Platforms:
    """Doubles that post to the service at `service_url` and are reached at `own_url`; one ledger sees everything.

    With an `endpoint`, the model is a real one behind a recording relay.
    """

    def __init__(
        self,
        service_url: str,
        own_url: str,
        client: httpx.AsyncClient,
        *,
        clock: Callable[[], float] = time.time,
        qps_per_chat: int | None = 5,
        endpoint: ModelEndpoint | None = None,
    ) -> None:
        self.ledger = DoubleLedger()
        self.faults = Faults()
        self.llm: LlmDouble | ModelRelay = ModelRelay(endpoint, client) if endpoint else LlmDouble()
        self.own_url = own_url
        self.refresh_s = REFRESH_S
        self.wecom = self._wecom(service_url, client, clock)
        self.feishu = self._feishu(service_url, client, clock, qps_per_chat)
        # A Feishu domain is an origin, so its double has the root.
        mounts = {"/wecom": self.wecom.app, "/llm": self.llm.app, "": self.feishu.app}
        self.app = Starlette(routes=[Mount(path, app) for path, app in mounts.items()])

    def _wecom(self, service_url: str, client: httpx.AsyncClient, clock: Callable[[], float]) -> WecomDouble:
        return WecomDouble(
            TOKEN,
            AES_KEY,
            BOT_ID,
            BOT_NAME,
            f"{service_url}/channels/wecom_bot/{ACCOUNT}",
            client,
            public_base=f"{self.own_url}/wecom",
            clock=clock,
            refresh_s=REFRESH_S,
            ledger=self.ledger,
            faults=self.faults,
        )

    def _feishu(
        self, service_url: str, client: httpx.AsyncClient, clock: Callable[[], float], qps_per_chat: int | None
    ) -> FeishuDouble:
        return FeishuDouble(
            APP_ID,
            APP_SECRET,
            ENCRYPT_KEY,
            VERIFICATION,
            BOT_OPEN_ID,
            BOT_NAME,
            callback_url=f"{service_url}/channels/feishu/{ACCOUNT}",
            client=client,
            clock=clock,
            ledger=self.ledger,
            faults=self.faults,
            staff_chat_ids=(STAFF_CHAT,),
            qps_per_chat=qps_per_chat,
        )

    @property
    def llm_url(self) -> str:
        """The model double's address, as an OpenAI client wants it."""
        return f"{self.own_url}/llm/v1"

    def channels(self) -> list[dict[str, Any]]:
        """Both channels as they would stand in huiying.yaml."""
        wecom = {"token": TOKEN, "encoding_aes_key": AES_KEY, "bot_name": BOT_NAME, "bot_id": BOT_ID}
        feishu = {"app_id": APP_ID, "app_secret": APP_SECRET, "encrypt_key": ENCRYPT_KEY, "bot_name": BOT_NAME}
        feishu |= {"verification_token": VERIFICATION, "bot_open_id": BOT_OPEN_ID}
        return [
            {"kind": "wecom_bot", "account": ACCOUNT, "api_base": f"{self.own_url}/wecom/cgi-bin/", **wecom},
            {"kind": "feishu", "account": ACCOUNT, "domain": self.own_url, **feishu},
        ]

    async def aclose(self) -> None:
        """Stops both doubles."""
        await self.wecom.aclose()
        await self.feishu.aclose()


@asynccontextmanager
async def platforms_at(service_url: str, **terms: Any) -> AsyncIterator[Platforms]:
    """Doubles that serve on a free port for as long as the block runs; `terms` go to `Platforms`."""
    own = listening()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    async with httpx.AsyncClient(limits=limits, timeout=30.0) as client:
        platforms = Platforms(service_url, url_of(own), client, **terms)
        try:
            async with serving(platforms.app, own):
                logging.getLogger("uvicorn.error").addFilter(_is_news)
                yield platforms
        finally:
            logging.getLogger("uvicorn.error").removeFilter(_is_news)
            await platforms.aclose()


def _is_news(record: logging.LogRecord) -> bool:
    """False for what a double broke on purpose: a lost answer is an exception in its server."""
    return not (record.exc_info and isinstance(record.exc_info[1], httpx.RemoteProtocolError))


def settings_for(
    platforms: Platforms,
    folder: Path,
    port: int,
    *,
    knowledge: tuple[Path, ...] = (SAMPLE,),
    llm_url: str = "",
    database_url: str = "",
    more: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of a service beside `platforms`, with its data in `folder`; `more` goes over them."""
    tree: dict[str, Any] = {
        "data_dir": str(folder),
        "host": HOST,
        "port": port,
        "database_url": database_url,
        "playground": "off",
        "channels": platforms.channels(),
        "desk": {"feishu_account": ACCOUNT, "staff_chat_id": STAFF_CHAT},
        "knowledge": {"import": [str(path) for path in knowledge]},
    }
    if llm_url:
        tree["llm"] = {"base_url": llm_url, "api_key": "sk-rig", "model": MODEL}
    return Settings.model_validate({**tree, **(more or {})})
