"""Brings Feishu events to the service, either way, and repeats those that were not acknowledged.

Protocol: https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from playground.courier import Courier
from playground.feishu_content import TENANT_KEY
from playground.feishu_envelope import seal
from playground.feishu_socket import FeishuSockets

REDELIVERY_AFTER_S = (15.0, 300.0, 3600.0, 21600.0)  # each counted from the attempt before


@dataclass(slots=True)
class Event:
    """One event with its fixed id. `due_at` is None while nothing is owed; `attempts` counts posts on schedule."""

    payload: dict[str, Any]
    key: str
    attempts: int = 0
    due_at: float | None = None


class FeishuDelivery:
    """One request URL of one app, or its long connections (`sockets`)."""

    def __init__(
        self,
        callback_url: str,
        app_id: str,
        encrypt_key: str,
        verification_token: str,
        courier: Courier,
        clock: Callable[[], float],
    ) -> None:
        self.callback_url = callback_url
        self.sockets: FeishuSockets | None = None
        self.gave_up: list[str] = []
        self._app_id = app_id
        self._encrypt_key = encrypt_key
        self._token = verification_token
        self._courier = courier
        self._clock = clock
        self._events: dict[str, Event] = {}

    @property
    def pending(self) -> list[Event]:
        """Events that wait for a redelivery, soonest first."""
        owed = [event for event in self._events.values() if event.due_at is not None]
        return sorted(owed, key=lambda event: event.due_at or 0.0)

    async def send(self, event_type: str, body: dict[str, Any], key: str | None = None) -> bool:
        """Post an event; True if acknowledged, else it is owed again in 15 s. `key` is for `again`."""
        payload = self.payload(event_type, body)
        event = Event(payload, key or payload["header"]["event_id"])
        self._events[event.key] = event
        return await self._attempt(event, self._clock())

    async def ask(self, event_type: str, body: dict[str, Any]) -> httpx.Response | None:
        """Post a callback that is never repeated; give the answer, None if there was none in time."""
        payload = self.payload(event_type, body)
        return await self._post(payload, payload["header"]["event_id"])

    async def again(self, key: str) -> bool:
        """Post an event once more right now, as at-least-once delivery may. Unknown key: KeyError."""
        event = self._events[key]
        response = await self._post(event.payload, key)
        return response is not None and response.is_success

    async def advance(self) -> int:
        """Post everything that is due by the clock, the whole ladder if the clock leapt; gives the number of posts."""
        posts = 0
        while self.pending and (self.pending[0].due_at or 0.0) <= self._clock():
            event = self.pending[0]
            await self._attempt(event, event.due_at or 0.0)
            posts += 1
        return posts

    async def challenge(self) -> bool:
        """Do the URL check that saving the request URL does."""
        word = secrets.token_hex(8)
        payload = {"challenge": word, "token": self._token, "type": "url_verification"}
        response = await self._post(payload, "url_verification")
        try:
            return response is not None and response.is_success and response.json().get("challenge") == word
        except (ValueError, AttributeError):
            return False

    def payload(self, event_type: str, body: dict[str, Any]) -> dict[str, Any]:
        """Give a v2 event with a fresh event_id."""
        header = {
            "event_id": secrets.token_hex(16),
            "event_type": event_type,
            "create_time": str(int(self._clock() * 1000)),
            "token": self._token,
            "app_id": self._app_id,
            "tenant_key": TENANT_KEY,
        }
        return {"schema": "2.0", "header": header, "event": body}

    def sealed(self, payload: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """Give (body, headers) of a signed post, with a fresh nonce and the present time."""
        return seal(self._encrypt_key, payload, self._clock())

    async def aclose(self) -> None:
        """Stop waiting for late answers."""
        await self._courier.aclose()

    async def _attempt(self, event: Event, scheduled_at: float) -> bool:
        event.due_at = None
        event.attempts += 1
        response = await self._post(event.payload, event.key)
        if response is not None and response.is_success:
            return True
        if event.attempts > len(REDELIVERY_AFTER_S):
            self.gave_up.append(event.key)
        else:
            event.due_at = scheduled_at + REDELIVERY_AFTER_S[event.attempts - 1]
        return False

    async def _post(self, payload: dict[str, Any], key: str) -> httpx.Response | None:
        kind = payload.get("header", {}).get("event_type", "url_verification")
        if self.sockets is not None:
            return await self.sockets.post(payload, key, kind)
        body, headers = self.sealed(payload)
        return await self._courier.post(self.callback_url, key, kind, content=body, headers=headers)
