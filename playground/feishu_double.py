"""The Feishu platform around one app's bot: chats, threads, cards, helpdesk, events with redelivery.

Staff are just users in a staff chat. Protocol: https://open.feishu.cn/document/server-docs/im-v1/introduction
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpx
from starlette.applications import Starlette

from playground.courier import Courier
from playground.faults import Faults
from playground.feishu_api import FeishuMessageApi
from playground.feishu_content import Person
from playground.feishu_delivery import Event, FeishuDelivery
from playground.feishu_gateway import FeishuGateway, TenantTokens
from playground.feishu_helpdesk_api import FeishuHelpdeskApi
from playground.feishu_helpdesk_double import FeishuHelpdesk
from playground.feishu_people import FeishuPeople
from playground.feishu_rooms import FeishuRooms
from playground.feishu_side_api import FeishuSideApi
from playground.feishu_socket import FeishuSockets
from playground.ledger import DoubleLedger


class FeishuDouble(FeishuPeople):
    """One app on one tenant. `app` serves `/open-apis/…`; `helpdesk` is the 服务台 (credentials None: always 154001).

    `staff_chat_ids`: who speaks there counts as staff in the ledger. `qps_per_chat` None switches the rate limits
    off. `hears_all` False: only group messages that mention the bot are delivered. `ack_s` is real time; everything
    else (tokens, uuid memory, redelivery) goes by `clock`. With `long_connection` events go over `sockets`, and the
    request URL is never called. Chats in `rooms.topic_chats` are topic groups.
    """

    def __init__(
        self,
        app_id: str,
        app_secret: str,
        encrypt_key: str,
        verification_token: str,
        bot_open_id: str,
        bot_name: str,
        *,
        callback_url: str,
        client: httpx.AsyncClient,
        clock: Callable[[], float] = time.time,
        helpdesk: tuple[str, str] | None = None,
        ledger: DoubleLedger | None = None,
        faults: Faults | None = None,
        staff_chat_ids: Iterable[str] = (),
        hears_all: bool = True,
        qps_per_chat: int | None = 5,
        ack_s: float = 3.0,
        long_connection: bool = False,
    ) -> None:
        ledger, self.faults = ledger or DoubleLedger(), faults or Faults()
        bot = Person(bot_open_id, bot_name, is_bot=True)
        rooms = FeishuRooms(bot, staff_chat_ids, ledger, clock)
        courier = Courier("feishu", client, ledger, self.faults, clock, ack_s)
        self.sockets = FeishuSockets(app_id, app_secret, ledger, self.faults, clock, ack_s)
        delivery = FeishuDelivery(callback_url, app_id, encrypt_key, verification_token, courier, clock)
        delivery.sockets = self.sockets if long_connection else None
        self.tokens = TenantTokens(app_id, app_secret, clock)
        side = FeishuSideApi(self.tokens, rooms, clock)
        super().__init__(bot, rooms, side, delivery, ledger, hears_all)
        self.helpdesk = FeishuHelpdesk(helpdesk, rooms, delivery, ledger)
        messages = FeishuMessageApi(app_id, rooms, ledger, clock, qps_per_chat)
        gateway = FeishuGateway(self.tokens, ledger, self.faults, clock)
        apis = (messages, side, FeishuHelpdeskApi(self.helpdesk, rooms))
        routes = [route for api in apis for route in api.routes(gateway)]
        self.app = Starlette(routes=[*routes, *self.sockets.routes(), gateway.unknown()])
        self._client = client

    @property
    def violations(self) -> list[str]:
        """Protocol rules that the service broke, in words."""
        return self.ledger.violations

    @property
    def pending_redeliveries(self) -> list[Event]:
        """Events that were not acknowledged and are owed again, soonest first."""
        return self._delivery.pending

    @property
    def gave_up(self) -> list[str]:
        """Message or event ids that were never acknowledged, all five times."""
        return self._delivery.gave_up

    async def redeliver(self, message_id: str) -> bool:
        """Post a message's event (or a ticket message's) once more, unasked; True if acknowledged."""
        return await self._delivery.again(message_id)

    async def advance_redeliveries(self) -> int:
        """Post every redelivery that is due by the clock; gives how many posts that took."""
        return await self._delivery.advance()

    async def run_redeliveries(self, every_s: float = 1.0) -> None:
        """Redeliver for as long as this runs; for a live stage. The caller owns and cancels the task."""
        while True:
            await asyncio.sleep(every_s)
            await self._delivery.advance()

    async def verify_url(self) -> bool:
        """Do the URL check that saving the request URL in the developer console does."""
        return await self._delivery.challenge()

    def seal(self, payload: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """Give (body, headers) of a signed and encrypted post of any payload, for `deliver_raw`."""
        return self._delivery.sealed(payload)

    def event(self, event_type: str, body: dict[str, Any]) -> dict[str, Any]:
        """Give the v2 payload of an event of any type, for `seal`."""
        return self._delivery.payload(event_type, body)

    async def deliver_raw(self, body: bytes | str, headers: dict[str, str]) -> httpx.Response:
        """Post anything to the request URL, for hostile tests; nothing is recorded or repeated."""
        return await self._client.post(self._delivery.callback_url, content=body, headers=headers)

    def add_file(self, content: bytes, media_type: str = "image/png", prefix: str = "img_v3_") -> str:
        """Keep bytes for a message to point at; gives the image_key / file_key."""
        return self._side.add_file(content, media_type, prefix)

    def file(self, key: str) -> tuple[bytes, str]:
        """Give (bytes, media type) of a file that was added or uploaded. Unknown key: KeyError."""
        return self._side.file(key)

    async def aclose(self) -> None:
        """Close the connections and stop waiting for late answers."""
        await self.sockets.cut()
        await self._delivery.aclose()
