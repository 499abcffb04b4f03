"""The stage that people play on: one WeCom group, one Feishu chat and one Feishu staff group, on doubles."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import Any

import httpx

from playground.feishu_double import FeishuDouble
from playground.ledger import DoubleLedger
from playground.wecom_double import WecomDouble

ACCOUNT = "playground"
BOT_NAME = "小汇"
BOT_OPEN_ID = "ou_playground_bot"
BOT_ID = "aib_playground"
WECOM_GROUP = "wr_playground_members"
STAFF_CHAT = "oc_playground_staff"


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody one can play. `user_id` is the id on that platform."""

    user_id: str
    name: str


WECOM_MEMBERS = (Persona("aming", "阿明"), Persona("lili", "丽丽"), Persona("laowang", "老王"))
FEISHU_CUSTOMERS = (Persona("ou_chenchen", "陈晨"), Persona("ou_zhaoyi", "赵一"))
STAFF = (Persona("ou_xiaoli", "小李"), Persona("ou_xiaozhou", "小周"))


class Stage:
    """Both platforms, sharing one ledger. `base_url` is where our own service and the doubles' APIs are reached.

    Keys are made anew at every start: nothing outside this process could sign for these accounts. `helpdesk` is the
    id and token of a 服务台, where tickets shall have twins.
    """

    def __init__(self, base_url: str, client: httpx.AsyncClient, helpdesk: tuple[str, str] | None = None) -> None:
        self.ledger = DoubleLedger()
        self._token = secrets.token_hex(8)
        self._aes_key = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(42)) + "A"
        self._secret = secrets.token_hex(16)
        self._encrypt_key = secrets.token_hex(16)
        self._verification = secrets.token_hex(16)
        self.wecom_base = f"{base_url}/playground/wecom"
        self.feishu_base = base_url  # Feishu's API address is an origin: its paths begin with /open-apis
        self.wecom = WecomDouble(
            self._token,
            self._aes_key,
            BOT_ID,
            BOT_NAME,
            f"{base_url}/channels/wecom_bot/{ACCOUNT}",
            client,
            public_base=self.wecom_base,
            ledger=self.ledger,
        )
        self.feishu = FeishuDouble(
            "cli_playground",
            self._secret,
            self._encrypt_key,
            self._verification,
            BOT_OPEN_ID,
            BOT_NAME,
            callback_url=f"{base_url}/channels/feishu/{ACCOUNT}",
            client=client,
            ledger=self.ledger,
            staff_chat_ids=(STAFF_CHAT,),
            helpdesk=helpdesk,
        )
        for person in (*FEISHU_CUSTOMERS, *STAFF):
            self.feishu.rooms.person(person.user_id, person.name)

    def channels(self) -> list[dict[str, Any]]:
        """The settings of both channels, as they would stand in huiying.yaml."""
        return [
            {
                "kind": "wecom_bot",
                "account": ACCOUNT,
                "token": self._token,
                "encoding_aes_key": self._aes_key,
                "bot_name": BOT_NAME,
                "bot_id": BOT_ID,
                "api_base": f"{self.wecom_base}/cgi-bin/",
            },
            {
                "kind": "feishu",
                "account": ACCOUNT,
                "app_id": "cli_playground",
                "app_secret": self._secret,
                "encrypt_key": self._encrypt_key,
                "verification_token": self._verification,
                "domain": self.feishu_base,
                "bot_open_id": BOT_OPEN_ID,
                "bot_name": BOT_NAME,
            },
        ]

    def desk(self) -> dict[str, Any]:
        """Where this stage's staff sit."""
        return {"feishu_account": ACCOUNT, "staff_chat_id": STAFF_CHAT}

    async def run(self) -> None:
        """Delivers again what was not acknowledged, for as long as it runs."""
        await self.feishu.run_redeliveries()

    async def aclose(self) -> None:
        """Stops both doubles."""
        await self.wecom.aclose()
        await self.feishu.aclose()
