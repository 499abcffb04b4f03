"""The 微信客服 platform: customers write, colleagues take over, callbacks announce it, sync_msg tells it.

Protocol: https://developer.work.weixin.qq.com/document/path/94638 and its neighbours.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx
from starlette.applications import Starlette

from playground.courier import Courier
from playground.faults import Faults
from playground.ledger import DoubleLedger, Role
from playground.wecom_envelope import WecomEnvelope
from playground.wecom_kf_chats import ENDED, PERSON, WELCOME_S, WINDOW_S, Colleague, KfChat, KfChats
from playground.wecom_kf_endpoints import KfEndpoints
from playground.wecom_kf_gateway import KfTokens
from playground.wecom_kf_news import KfNews
from playground.wecom_kf_wire import KfWire

FROM_CUSTOMER, FROM_SYSTEM, FROM_STAFF = 3, 4, 5
END_S = 20.0

Row = dict[str, Any]


class WecomKfDouble:
    """One app with its 微信客服 accounts; the first of `open_kfids` is meant where none is named.

    In the ledger a chat's id is `open_kfid/external_userid`. `announces` may be switched off: then callbacks are lost
    and only sync_msg tells the news. `answer_s` (the platform's patience) is real seconds, the rest goes by `clock`.
    """

    def __init__(
        self,
        corp_id: str,
        secret: str,
        token: str,
        encoding_aes_key: str,
        callback_url: str,
        client: httpx.AsyncClient,
        *,
        open_kfids: Sequence[str] = ("wkDouble0001",),
        clock: Callable[[], float] = time.time,
        ledger: DoubleLedger | None = None,
        faults: Faults | None = None,
        answer_s: float = 5.0,
    ) -> None:
        self.ledger = ledger or DoubleLedger()
        self.faults = faults or Faults()
        self.announces = True
        self.names: dict[str, dict[str, Any]] = {}
        self._client = client
        self._clock = clock
        self.tokens = KfTokens(corp_id, secret, clock)
        self.news = KfNews(list(open_kfids), clock)
        self.chats = KfChats(list(open_kfids), clock)
        self.endpoints = KfEndpoints(
            self.tokens,
            self.news,
            self.chats,
            names=self.names,
            ledger=self.ledger,
            faults=self.faults,
            clock=clock,
        )
        courier = Courier("wecom_kf", client, self.ledger, self.faults, clock, answer_s)
        self.wire = KfWire(callback_url, corp_id, WecomEnvelope(token, encoding_aes_key, corp_id), courier, clock)

    @property
    def app(self) -> Starlette:
        """The platform's own HTTP surface, as an ASGI application."""
        return self.endpoints.app

    @property
    def violations(self) -> list[str]:
        """Protocol rules that the service broke, in words."""
        return self.ledger.violations

    async def announce(self, open_kfid: str = "") -> int:
        """Post a callback for an account; gives the status that the last try got, 0 without one."""
        account = open_kfid or self.news.open_kfids[0]
        return await self.wire.call(account, self.news.token(account)) if self.announces else 0

    async def say(
        self,
        external_userid: str,
        text: str = "",
        *,
        open_kfid: str = "",
        msgid: str = "",
        msgtype: str = "text",
        at: float | None = None,
        **part: Any,
    ) -> int:
        """A customer writes; gives the callback's status. `part` is the body of other types (`media_id=…`).

        A `msgid` that was said before is the platform telling the same message again.
        """
        chat = self._chat(external_userid, open_kfid)
        self.chats.written(chat)
        body = {"content": text, "menu_id": "", **part} if msgtype == "text" else part
        row = self._row(chat, FROM_CUSTOMER, {"msgtype": msgtype, msgtype: body}, msgid, at)
        if not self.ledger.knows(row["msgid"]):
            self._show(chat, row, "customer", external_userid, text or f"[{msgtype}]")
        return await self.announce(chat.open_kfid)

    async def press(self, external_userid: str, message_id: str, number: int) -> int:
        """A customer presses the n-th entry of a menu (from 0); the press writes its words in the chat."""
        message = self.ledger.message(message_id)
        entry = (message.card or {})["list"][number]["click"]
        open_kfid = message.chat_id.split("/", 1)[0]
        return await self.say(external_userid, entry["content"], open_kfid=open_kfid, menu_id=entry["id"])

    async def enter(self, external_userid: str, *, open_kfid: str = "", scene: str = "", scene_param: str = "") -> str:
        """A customer opens the chat by a link; gives the welcome code, an empty text where there is none."""
        chat = self._chat(external_userid, open_kfid)
        code = self.chats.code(chat, WELCOME_S, menus=True) if self.chats.may_welcome(chat) else ""
        event = {"scene": scene, "scene_param": scene_param, **({"welcome_code": code} if code else {})}
        chat.came_at = self._clock()
        await self.tell(chat, "enter_session", event)
        return code

    async def recall(self, external_userid: str, message_id: str) -> None:
        """A customer takes a message back."""
        message = self.ledger.change(message_id, "recalled", recalled=True)
        chat = self._chat(external_userid, message.chat_id.split("/", 1)[0])
        await self.tell(chat, "user_recall_msg", {"recall_msgid": message_id})

    def hire(self, userid: str, *, receiving: bool = True) -> None:
        """Make somebody receive the customers of the accounts."""
        self.chats.colleagues[userid] = Colleague(userid, receiving)

    async def staff_say(self, userid: str, external_userid: str, text: str, *, open_kfid: str = "") -> str:
        """A colleague writes from the WeCom client; in an ended chat that takes it up again. Gives the msgid."""
        chat = self._chat(external_userid, open_kfid)
        if chat.state != PERSON:
            chat.state, chat.userid = PERSON, userid
            await self.tell(chat, "session_status_change", {"change_type": 4, "new_servicer_userid": userid})
        row = self._row(chat, FROM_STAFF, {"msgtype": "text", "text": {"content": text}, "servicer_userid": userid})
        self._show(chat, row, "staff", userid, text)
        await self.announce(chat.open_kfid)
        return str(row["msgid"])

    async def staff_take(self, userid: str, external_userid: str, *, open_kfid: str = "") -> None:
        """A colleague takes a chat out of the pool, or from a colleague."""
        chat = self._chat(external_userid, open_kfid)
        before, chat.state = chat.userid, PERSON
        chat.userid = userid
        event: Row = {"change_type": 2 if before else 1, "new_servicer_userid": userid}
        if before:
            event["old_servicer_userid"] = before
        else:
            event["msg_code"] = self.chats.code(chat, WINDOW_S, state=PERSON)
        await self.tell(chat, "session_status_change", event)

    async def staff_end(self, userid: str, external_userid: str, *, open_kfid: str = "") -> None:
        """A colleague ends a chat."""
        chat = self._chat(external_userid, open_kfid)
        chat.state, chat.userid = ENDED, ""
        code = self.chats.code(chat, END_S, state=ENDED, menus=True)
        event = {"change_type": 3, "old_servicer_userid": userid, "msg_code": code}
        await self.tell(chat, "session_status_change", event)

    async def fail(self, message_id: str, fail_type: int = 0) -> None:
        """A message that was taken does not arrive after all."""
        message = self.ledger.change(message_id, "failed", extra={"fail_type": fail_type})
        open_kfid, external_userid = message.chat_id.split("/", 1)
        event = {"fail_msgid": message_id, "fail_type": fail_type}
        await self.tell(self._chat(external_userid, open_kfid), "msg_send_fail", event)

    async def tell(self, chat: KfChat, event_type: str, event: Row) -> int:
        """Put any event of a chat into the news and announce it; gives the callback's status."""
        names = {"open_kfid": chat.open_kfid, "external_userid": chat.external_userid}
        row = {
            "msgid": f"ev{secrets.token_hex(12)}",
            "send_time": int(self._clock()),
            "origin": FROM_SYSTEM,
            "msgtype": "event",
            "event": {"event_type": event_type, **names, **event},
        }
        self.news.add(chat.open_kfid, row)
        return await self.announce(chat.open_kfid)

    def shown(self, external_userid: str, *, open_kfid: str = "") -> list[str]:
        """What the app's messages in a customer's chat say, oldest first."""
        return self.ledger.texts(self._chat(external_userid, open_kfid).chat_id, "bot")

    async def verify_url(self) -> bool:
        """Do the URL check that saving the callback in the admin console does."""
        echo = str(secrets.randbelow(10**18))
        body, query = self.wire.seal(echo)
        encrypt = body.decode().split("<Encrypt><![CDATA[")[1].split("]]>")[0]
        response = await self._client.get(self.wire.callback_url, params={**query, "echostr": encrypt})
        return response.status_code == httpx.codes.OK and response.content == echo.encode()

    async def aclose(self) -> None:
        """Stop waiting for late answers."""
        await self.wire.aclose()

    def _chat(self, external_userid: str, open_kfid: str) -> KfChat:
        return self.chats.of(open_kfid or self.news.open_kfids[0], external_userid)

    def _row(self, chat: KfChat, origin: int, part: Row, msgid: str = "", at: float | None = None) -> Row:
        row = {
            "msgid": msgid or secrets.token_urlsafe(16),
            "open_kfid": chat.open_kfid,
            "external_userid": chat.external_userid,
            "send_time": int(self._clock() if at is None else at),
            "origin": origin,
            **part,
        }
        self.news.add(chat.open_kfid, row)
        return row

    def _show(self, chat: KfChat, row: Row, role: Role, sender: str, text: str) -> None:
        self.ledger.add(
            platform="wecom_kf",
            chat_id=chat.chat_id,
            message_id=row["msgid"],
            sender=sender,
            sender_name=self.names.get(sender, {}).get("nickname", sender),
            sender_role=role,
            kind=row["msgtype"],
            text=text,
            at=float(row["send_time"]),
        )
