"""Posts signed webhooks for the WeCom double, opens the answers, and asks for the rest of unfinished streams."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from typing import Any

import httpx

from playground import wecom_inbound as inbound
from playground.courier import Courier
from playground.ledger import DoubleLedger
from playground.wecom_answers import Question, Stream, WecomAnswers
from playground.wecom_envelope import BrokenEnvelope, WecomEnvelope

STREAM_LIFE_S = 360.0  # document/path/101031: refreshes stop six minutes after the user's message


class WecomWire:
    """One callback URL. Tasks that refresh streams belong to it until `aclose`."""

    def __init__(
        self,
        callback_url: str,
        bot_id: str,
        envelope: WecomEnvelope,
        courier: Courier,
        answers: WecomAnswers,
        ledger: DoubleLedger,
        *,
        clock: Callable[[], float],
        refresh_s: float,
    ) -> None:
        self.callback_url = callback_url
        self._bot_id = bot_id
        self._envelope = envelope
        self._courier = courier
        self._answers = answers
        self._ledger = ledger
        self._clock = clock
        self._refresh_s = refresh_s
        self._sent: dict[str, tuple[Question, dict[str, Any]]] = {}
        self._asking: list[str] = []
        self._refreshing: dict[asyncio.Task[None], Stream] = {}

    def open_interactions(self, user_id: str) -> int:
        """Count the user's webhooks that wait for an answer and streams that are being written."""
        return self._asking.count(user_id) + sum(
            stream.question.user_id == user_id for stream in self._refreshing.values()
        )

    async def ask(self, question: Question, body: dict[str, Any]) -> None:
        """Post a message or event body and show what the bot answers."""
        self._sent[question.msgid] = (question, body)
        self._asking.append(question.user_id)
        try:
            answer = await self._exchange(question, body)
        finally:
            self._asking.remove(question.user_id)
        stream = self._answers.apply(question, answer) if answer is not None else None
        if stream is not None:
            task = asyncio.create_task(self._refresh(stream))
            self._refreshing[task] = stream
            task.add_done_callback(self._refreshed)

    async def ask_again(self, msgid: str) -> None:
        """Post the very same body again. Unknown msgid: KeyError."""
        await self.ask(*self._sent[msgid])

    def seal(self, plaintext: str) -> tuple[str, dict[str, str]]:
        """Give (encrypt, query) with a fresh nonce and the present time."""
        timestamp, nonce = str(int(self._clock())), str(secrets.randbelow(10**10))
        encrypt, signature = self._envelope.seal(plaintext, timestamp, nonce)
        return encrypt, {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}

    async def settled(self, timeout_s: float) -> None:
        """Wait until no stream is being refreshed. TimeoutError if that takes too long."""
        async with asyncio.timeout(timeout_s):
            while self._refreshing:
                await asyncio.wait(set(self._refreshing))

    async def aclose(self) -> None:
        """Stop refreshing and waiting."""
        tasks = list(self._refreshing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._courier.aclose()

    def _refreshed(self, task: asyncio.Task[None]) -> None:
        stream = self._refreshing.pop(task)
        if not task.cancelled() and (broken := task.exception()):
            self._ledger.violation(f"wecom refresh of stream {stream.stream_id} made the service raise {broken!r}")

    async def _refresh(self, stream: Stream) -> None:
        question = stream.question
        chat_id = question.chat_id if question.group else None
        while not stream.finished:
            await asyncio.sleep(self._refresh_s)
            if self._clock() - question.at > STREAM_LIFE_S:
                self._ledger.violation(f"wecom stream {stream.stream_id} was not finished within six minutes")
                return
            body = inbound.envelope_fields(inbound.new_msgid(), self._bot_id, chat_id, question.user_id)
            body |= {"msgtype": "stream", "stream": {"id": stream.stream_id}}
            answer = await self._exchange(question, body)
            if answer is not None:
                self._answers.apply(question, answer, stream)

    async def _exchange(self, question: Question, body: dict[str, Any]) -> dict[str, Any] | None:
        encrypt, query = self.seal(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
        response = await self._courier.post(
            self.callback_url,
            question.msgid,
            body.get("event", {}).get("eventtype") or body["msgtype"],
            content=json.dumps({"encrypt": encrypt}),
            params=query,
            headers={"Content-Type": "application/json"},
        )
        if response is None or not response.is_success or not response.content.strip():
            return None
        try:
            return self._opened(response, query["nonce"])
        except (BrokenEnvelope, ValueError, KeyError, TypeError) as broken:
            self._ledger.violation(f"wecom answer to {question.msgid} is not an encrypted reply: {broken!r}")
            return None

    def _opened(self, response: httpx.Response, nonce: str) -> dict[str, Any]:
        sealed = response.json()
        if not isinstance(sealed["timestamp"], int):
            raise TypeError("timestamp must be an integer")
        if sealed["nonce"] != nonce:
            raise ValueError("nonce is not that of the request")
        plain = self._envelope.open(sealed["encrypt"], sealed["msgsignature"], str(sealed["timestamp"]), nonce)
        answer = json.loads(plain)
        if not isinstance(answer, dict):
            raise TypeError("the reply is not a JSON object")
        return answer
