"""The platform's end of a bot's long connection: callbacks out, answers, active sends and pings in.

Protocol: https://developer.work.weixin.qq.com/document/path/101463.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from playground import wecom_inbound as inbound
from playground.faults import Faults
from playground.ledger import ApiCall, Delivery, DoubleLedger
from playground.wecom_answers import CONTENT_LIMIT, Question, WecomAnswers

SOCKET_PATH = "/aibot/ws"
STREAM_LIFE_S = 360.0
ANSWER_LIFE_S = 86400.0
COURTESY_S = 5.0  # for welcomes and card updates
A_MINUTE = 30  # messages to one conversation, answers and active sends together

# 40001, 40058 and 45009 are WeCom's general codes; that a wrong secret gives 40001 and a broken body 40058 is our
# choice. The others were seen by users of the long connection.
WRONG_SECRET, INVALID, RATE_LIMITED = 40001, 40058, 45009
BAD_REQ_ID, STREAM_CLOSED, NOT_SUBSCRIBED, NEVER_SPOKEN = 846605, 846608, 846609, 93006

_NAMES = {
    "aibot_subscribe": "subscribe",
    "ping": "ping",
    "aibot_respond_msg": "respond",
    "aibot_respond_welcome_msg": "welcome",
    "aibot_respond_update_msg": "update",
    "aibot_send_msg": "send",
}

Json = dict[str, Any]


class WecomSocket:
    """One bot's long connection. A new one displaces the old, which is told so and closed."""

    def __init__(
        self,
        bot_id: str,
        secret: str,
        answers: WecomAnswers,
        ledger: DoubleLedger,
        faults: Faults,
        clock: Callable[[], float],
    ) -> None:
        self.route = WebSocketRoute(SOCKET_PATH, self._serve)
        self.subscriptions = 0
        self._credentials = {"bot_id": bot_id, "secret": secret}
        self._answers = answers
        self._ledger = ledger
        self._faults = faults
        self._clock = clock
        self._current: WebSocket | None = None
        self._changed = asyncio.Event()
        self._asked: dict[str, Question] = {}
        self._sent: dict[str, tuple[Question, Json]] = {}
        self._said: defaultdict[str, deque[float]] = defaultdict(deque)

    @property
    def connected(self) -> bool:
        """Whether a subscribed connection is there."""
        return self._current is not None

    def open_interactions(self, user_id: str) -> int:
        """Count the user's streams that are being written."""
        return sum(one.user_id == user_id for one in self._being_written())

    async def ask(self, question: Question, body: Json) -> None:
        """Send a message or event to the bot; nobody hears it while there is no connection, nor ever after."""
        self._sent[question.msgid] = (question, body)
        kind = body.get("event", {}).get("eventtype") or body["msgtype"]
        req_id, socket = f"rq{secrets.token_hex(12)}", self._current
        if socket is not None:
            self._asked[req_id] = question
            await socket.send_text(json.dumps(_callback(req_id, body), ensure_ascii=False))
        outcome: Any = "unreachable" if socket is None else "answered"
        self._ledger.delivered(Delivery("wecom", question.msgid, kind, self._clock(), outcome, None))

    async def ask_again(self, msgid: str) -> None:
        """Send the very same body under a new req_id. Unknown msgid: KeyError."""
        await self.ask(*self._sent[msgid])

    async def until_connected(self, timeout_s: float = 5.0) -> None:
        """Wait for a subscribed connection. TimeoutError if none comes."""
        async with asyncio.timeout(timeout_s):
            while self._current is None:
                await self._changed.wait()

    async def settled(self, timeout_s: float) -> None:
        """Wait until every stream is finished. TimeoutError if that takes too long."""
        async with asyncio.timeout(timeout_s):
            while self._being_written():
                await self._changed.wait()

    async def cut(self) -> None:
        """Break the connection, as networks do."""
        socket, self._current = self._current, None
        if socket is not None:
            await socket.close(1011)

    async def aclose(self) -> None:
        """Close the connection."""
        await self.cut()

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                if not await self._heard(socket, await socket.receive_text()):
                    await socket.close(1011)
                    return
        except (WebSocketDisconnect, RuntimeError):
            return  # RuntimeError: the socket was closed under the loop
        finally:
            if self._current is socket:
                self._current = None
            self._tell()

    async def _heard(self, socket: WebSocket, text: str) -> bool:
        """Does what a frame asks for; False when the connection is to break."""
        try:
            frame = json.loads(text)
            cmd, req_id, body = frame["cmd"], frame["headers"]["req_id"], frame.get("body", {})
        except (ValueError, KeyError, TypeError):
            self._ledger.violation(f"wecom socket: no frame: {text[:80]}")
            return False
        name = _NAMES.get(cmd, "unknown")
        fault = await self._faults.strike(name)
        if fault and fault.refuse:
            return False
        if fault and fault.answers_error:
            code = RATE_LIMITED if fault.rate_limited else fault.code or INVALID
        else:
            code = await self._done(socket, cmd, req_id, body)
        self._ledger.called(ApiCall("wecom", name, cmd, self._clock(), 200, code, {} if name == "subscribe" else body))
        self._tell()
        if not (fault and fault.drop):
            answer = {"headers": {"req_id": req_id}, "errcode": code, "errmsg": "ok" if code == 0 else "refused"}
            await socket.send_text(json.dumps(answer))
        return not (cmd == "aibot_subscribe" and code)

    async def _done(self, socket: WebSocket, cmd: str, req_id: str, body: Json) -> int:
        if cmd == "aibot_subscribe":
            return await self._subscribed(socket, body)
        if self._current is not socket:
            return NOT_SUBSCRIBED
        if cmd == "ping":
            return 0
        if cmd == "aibot_send_msg":
            return self._pushed(body)
        question = self._asked.get(req_id)
        if question is None:
            return BAD_REQ_ID
        if cmd == "aibot_respond_msg":
            return self._answered(question, body)
        return self._courtesy(question, cmd, body)

    async def _subscribed(self, socket: WebSocket, body: Json) -> int:
        if body != self._credentials:
            return WRONG_SECRET
        before, self._current = self._current, socket
        self.subscriptions += 1
        if before is not None and before is not socket:
            event = {"msgid": inbound.new_msgid(), "aibotid": body["bot_id"]}
            event |= inbound.event_content("disconnected_event", self._clock())
            await before.send_text(json.dumps(_callback(f"rq{secrets.token_hex(12)}", event)))
            await before.close(1000)
        return 0

    def _answered(self, question: Question, body: Json) -> int:
        age_s = self._clock() - question.at
        if question.asked != "message" or age_s > ANSWER_LIFE_S:
            return BAD_REQ_ID
        known = self._answers.streams.get(str((body.get("stream") or {}).get("id")))
        if known and (known.finished or age_s > STREAM_LIFE_S):
            return STREAM_CLOSED
        if known is None and self._too_many(question.chat_id):
            return RATE_LIMITED
        return self._applied(question, body, known)

    def _courtesy(self, question: Question, cmd: str, body: Json) -> int:
        wanted = {"aibot_respond_welcome_msg": "enter_chat", "aibot_respond_update_msg": "template_card_event"}.get(cmd)
        if wanted != question.asked or self._clock() - question.at > COURTESY_S:
            return BAD_REQ_ID
        return self._applied(question, body, None)

    def _applied(self, question: Question, body: Json, known: Any) -> int:
        broken = len(self._ledger.violations)
        self._answers.apply(question, body, known)
        return INVALID if len(self._ledger.violations) > broken else 0

    def _pushed(self, body: Json) -> int:
        chat_id, group = str(body.get("chatid")), body.get("chat_type") == 2
        if not any(one.chat_id == chat_id and one.group is group for one, _ in self._sent.values()):
            return NEVER_SPOKEN
        if self._too_many(chat_id):
            return RATE_LIMITED
        question = Question(inbound.new_msgid(), chat_id, "", group, "message", self._clock())
        if body.get("msgtype") == "template_card":
            return 0 if self._answers.show_card(question, body.get("template_card")) else INVALID
        content = str((body.get("markdown") or {}).get("content", ""))
        if body.get("msgtype") != "markdown" or not 0 < len(content.encode()) <= CONTENT_LIMIT:
            self._ledger.violation(f"wecom aibot_send_msg to {chat_id}: markdown of {len(content.encode())} bytes")
            return INVALID
        self._answers.show(question, "text", content)
        return 0

    def _being_written(self) -> list[Question]:
        oldest = self._clock() - STREAM_LIFE_S
        streams = self._answers.streams.values()
        return [one.question for one in streams if not one.finished and one.question.at >= oldest]

    def _too_many(self, chat_id: str) -> bool:
        now, said = self._clock(), self._said[chat_id]
        while said and now - said[0] >= 60.0:
            said.popleft()
        said.append(now)
        return len(said) > A_MINUTE

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _callback(req_id: str, body: Json) -> Json:
    cmd = "aibot_event_callback" if body["msgtype"] == "event" else "aibot_msg_callback"
    return {"cmd": cmd, "headers": {"req_id": req_id}, "body": body}
