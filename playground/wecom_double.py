"""The WeCom 智能机器人 platform in either mode: people speak, the bot's stream answers become bubbles.

Protocol: https://developer.work.weixin.qq.com/document/path/101039 and its neighbours.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from typing import Any

import httpx
from starlette.applications import Starlette

from playground import wecom_inbound as inbound
from playground.courier import Courier
from playground.faults import Faults
from playground.ledger import DoubleLedger
from playground.wecom_answers import Asked, Question, WecomAnswers
from playground.wecom_endpoints import WecomEndpoints
from playground.wecom_envelope import WecomEnvelope
from playground.wecom_socket import WecomSocket
from playground.wecom_wire import WecomWire

OPEN_INTERACTIONS = 3  # document/path/101031: of one user with one bot
DAY_S = 86400.0


class WecomDouble:
    """One bot on the platform. In a single chat the ledger's chat id is the user id.

    `public_base` is where `app` can be reached (response_url, media). `refresh_s` and `answer_s` (the platform's
    patience with a webhook) are real seconds; everything else goes by `clock`. Set `hears_all` to deliver group
    lines that do not mention the bot, which the real platform never does. With `secret` the bot is set to the long
    connection, which `socket` is the platform's end of; its callback URL is then never called.
    """

    def __init__(
        self,
        token: str,
        encoding_aes_key: str,
        bot_id: str,
        bot_name: str,
        callback_url: str,
        client: httpx.AsyncClient,
        *,
        public_base: str,
        clock: Callable[[], float] = time.time,
        refresh_s: float = 0.3,
        ledger: DoubleLedger | None = None,
        faults: Faults | None = None,
        answer_s: float = 5.0,
        secret: str = "",
    ) -> None:
        self.bot_id = bot_id
        self.bot_name = bot_name
        self.ledger = ledger or DoubleLedger()
        self.faults = faults or Faults()
        self.hears_all = False
        self._client = client
        self._clock = clock
        envelope = WecomEnvelope(token, encoding_aes_key)
        answers = WecomAnswers(self.ledger, bot_id, bot_name, clock)
        courier = Courier("wecom", client, self.ledger, self.faults, clock, answer_s)
        self._endpoints = WecomEndpoints(public_base, envelope, answers, self.ledger, self.faults, clock)
        self._wire = WecomWire(
            callback_url, bot_id, envelope, courier, answers, self.ledger, clock=clock, refresh_s=refresh_s
        )
        self.socket = WecomSocket(bot_id, secret, answers, self.ledger, self.faults, clock)
        self._line = self.socket if secret else self._wire
        if secret:
            self.app.router.routes.append(self.socket.route)
        self._entered: dict[str, float] = {}

    @property
    def app(self) -> Starlette:
        """The platform's own HTTP surface, as an ASGI application."""
        return self._endpoints.app

    @property
    def violations(self) -> list[str]:
        """Protocol rules that the service broke, in words."""
        return self.ledger.violations

    async def say(
        self,
        *,
        chat_id: str | None,
        user_id: str,
        text: str = "",
        mention_bot: bool = False,
        quote: dict[str, Any] | None = None,
        msgtype: str = "text",
        user_name: str | None = None,
        **body: Any,
    ) -> str:
        """A member speaks in a group (`chat_id`) or in the single chat (None); gives the msgid once it was answered.

        `body` may bring the part named like `msgtype` (e.g. `image={"url": double.add_media(b"…")}`). Group lines
        without a mention, and a fourth open interaction of one user, are shown but not delivered; the reason is in
        `extra["undelivered"]`.
        """
        if chat_id and msgtype in inbound.SINGLE_ONLY:
            raise ValueError(f"{msgtype} reaches the bot in single chats only")
        if mention_bot and not self._mentioned(text):
            text = f"@{self.bot_name} {text}"
        content = inbound.message_content(msgtype, text, body)
        if quote is not None:
            content["quote"] = quote
        question = self._question(chat_id, user_id, "message")
        undelivered = None
        heard = chat_id is None or self.hears_all or mention_bot or self._mentioned(inbound.shown_text(content))
        if not heard:
            undelivered = "the bot was not mentioned"
        elif self._line.open_interactions(user_id) >= OPEN_INTERACTIONS:
            undelivered = f"{OPEN_INTERACTIONS} interactions are open"
        self._show(question, user_name or user_id, content, undelivered)
        if undelivered is None:
            await self._ask(question, content, with_response_url=True)
        return question.msgid

    async def redeliver(self, msgid: str) -> None:
        """Post the very same body again, with a new nonce and timestamp. Unknown msgid: KeyError."""
        await self._line.ask_again(msgid)

    async def enter_chat(self, user_id: str) -> str | None:
        """A user opens the single chat; gives the msgid, or None when they did so in the last 24 hours."""
        entered = self._entered.get(user_id)
        if entered is not None and self._clock() - entered < DAY_S:
            return None
        self._entered[user_id] = self._clock()
        question = self._question(None, user_id, "enter_chat")
        await self._ask(question, inbound.event_content("enter_chat", self._clock()))
        return question.msgid

    async def feedback(
        self,
        message_id: str,
        good: bool | None,
        reason: str = "",
        reasons: list[int] | None = None,
        user_id: str | None = None,
    ) -> str:
        """Thumb a bot message up, down or (None) take it back; gives the event's msgid.

        `reasons` are the platform's codes 1–4; the one who asked is the one who judges unless `user_id` says other.
        ValueError if the bot gave the message no feedback id: then it has no thumbs.
        """
        message = self.ledger.message(message_id)
        if not message.extra.get("feedback_id"):
            raise ValueError("the bot gave this message no feedback id")
        detail: dict[str, Any] = {"id": message.extra["feedback_id"], "type": {True: 1, False: 2, None: 3}[good]}
        if good is False:
            detail |= {"content": reason, "inaccurate_reason_list": reasons or []}
        question = self._question_about(message_id, user_id, "feedback_event")
        await self._ask(question, inbound.event_content("feedback_event", self._clock(), detail))
        return question.msgid

    async def press_card(
        self, message_id: str, user_id: str, event_key: str, selected: dict[str, list[str]] | None = None
    ) -> str:
        """Press a button of a template card; `selected` is {question_key: [option ids]}. Gives the event's msgid."""
        card = self.ledger.message(message_id).card or {}
        detail = {"card_type": card.get("card_type"), "event_key": event_key, "task_id": card.get("task_id", "")}
        if selected:
            detail["selected_items"] = inbound.selected_items(selected)
        question = self._question_about(message_id, user_id, "template_card_event")
        content = inbound.event_content("template_card_event", self._clock(), detail)
        await self._ask(question, content, with_response_url=True)
        return question.msgid

    def buttons(self, message_id: str) -> list[dict[str, str]]:
        """Give the buttons of a template card as {"text", "value"}; value is the event key."""
        card = self.ledger.message(message_id).card or {}
        return [{"text": one.get("text", ""), "value": one.get("key", "")} for one in card.get("button_list", [])]

    def add_media(self, content: bytes) -> str:
        """Give a URL that serves these bytes, encrypted, for five minutes."""
        return self._endpoints.add_media(content)

    def add_own_media(self, content: bytes) -> dict[str, str]:
        """Give {"url", "aeskey"} of these bytes as the long connection names them: each file under its own key."""
        return self._endpoints.add_own_media(content)

    async def deliver_raw(self, body: bytes | str, query: dict[str, str]) -> httpx.Response:
        """Post anything to the callback, for hostile tests; the answer is not interpreted."""
        return await self._client.post(self._wire.callback_url, content=body, params=query)

    def seal(self, plaintext: str) -> tuple[str, dict[str, str]]:
        """Give (body, query) of a signed webhook around any text, for `deliver_raw`."""
        encrypt, query = self._wire.seal(plaintext)
        return f'{{"encrypt": "{encrypt}"}}', query

    async def verify_url(self) -> bool:
        """Do the URL check that saving the callback in the admin console does."""
        echo = str(secrets.randbelow(10**18))
        encrypt, query = self._wire.seal(echo)
        response = await self._client.get(self._wire.callback_url, params={**query, "echostr": encrypt})
        return response.status_code == 200 and response.content == echo.encode()

    async def settled(self, timeout_s: float = 10.0) -> None:
        """Wait until every stream is finished or given up. TimeoutError if that takes too long."""
        await self._line.settled(timeout_s)

    async def aclose(self) -> None:
        """Stop refreshing streams and waiting for late answers."""
        await self._line.aclose()

    async def _ask(self, question: Question, content: dict[str, Any], with_response_url: bool = False) -> None:
        chat_id = question.chat_id if question.group else None
        body = inbound.envelope_fields(question.msgid, self.bot_id, chat_id, question.user_id)
        if question.asked == "enter_chat":
            del body["chattype"]  # the documentation's sample has none: document/path/101027
        if with_response_url and self._line is self._wire:
            body["response_url"] = self._endpoints.response_url(question)
        await self._line.ask(question, body | content)

    def _mentioned(self, text: str) -> bool:
        # A word character right behind the name makes it somebody else's longer name.
        return re.search(rf"@{re.escape(self.bot_name)}(?!\w)", text) is not None

    def _question(self, chat_id: str | None, user_id: str, asked: Asked) -> Question:
        return Question(inbound.new_msgid(), chat_id or user_id, user_id, chat_id is not None, asked, self._clock())

    def _question_about(self, message_id: str, user_id: str | None, asked: Asked) -> Question:
        message = self.ledger.message(message_id)
        user = user_id or message.extra["user_id"]
        group = message.extra["group"]
        return Question(inbound.new_msgid(), message.chat_id, user, group, asked, self._clock(), message_id)

    def _show(self, question: Question, user_name: str, content: dict[str, Any], undelivered: str | None) -> None:
        self.ledger.add(
            platform="wecom",
            chat_id=question.chat_id,
            message_id=question.msgid,
            sender=question.user_id,
            sender_name=user_name,
            sender_role="customer",
            kind=content["msgtype"],
            text=inbound.shown_text(content),
            at=question.at,
            extra={"quote": content.get("quote"), "undelivered": undelivered},
        )
