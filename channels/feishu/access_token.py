"""Keeps the app's tenant_access_token fresh: one fetch at a time, a place where many processes may share it.

Protocol: https://open.feishu.cn/document/server-docs/authentication-management/access-token/tenant_access_token_internal
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import httpx

from channels.feishu.settings import FeishuSettings
from conversation.errors import RetryLater
from tools.feishu_api import CALL_LIMIT_S, FeishuCall, exchange
from tools.feishu_values import as_number, as_text

#: A token is renewed this long before it dies; Feishu gives a new one when less than 30 minutes are left.
RENEW_BEFORE_S = 300.0


@dataclass(frozen=True, slots=True)
class KeptToken:
    """A token and the Unix second until which it may be used."""

    value: str
    fresh_until: float


class TokenStore(Protocol):
    """Where tokens are kept; one that is shared spares every other process its own fetch."""

    async def get(self, key: str) -> KeptToken | None:
        """The token kept under `key`, stale or not, or None."""
        ...

    async def put(self, key: str, token: KeptToken) -> None:
        """Keeps a token, instead of an earlier one."""
        ...

    async def drop(self, key: str, value: str) -> None:
        """Forgets the token under `key` if it still is `value`: a newer one of another process stays."""
        ...


class InMemoryTokenStore:
    """Tokens of this process."""

    def __init__(self) -> None:
        self._tokens: dict[str, KeptToken] = {}

    async def get(self, key: str) -> KeptToken | None:
        """See `TokenStore.get`."""
        return self._tokens.get(key)

    async def put(self, key: str, token: KeptToken) -> None:
        """See `TokenStore.put`."""
        self._tokens[key] = token

    async def drop(self, key: str, value: str) -> None:
        """See `TokenStore.drop`."""
        kept = self._tokens.get(key)
        if kept is not None and kept.value == value:
            del self._tokens[key]


class TenantAccessToken:
    """The token of one app; a `TokenProvider` for the shared REST plumbing."""

    def __init__(
        self,
        settings: FeishuSettings,
        client: httpx.AsyncClient,
        store: TokenStore,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._client = client
        self._store = store
        self._clock = clock
        self._key = f"{settings.domain}|{settings.app_id}"
        self._fetching: asyncio.Task[str] | None = None

    async def token(self) -> str:
        """See `TokenProvider.token`. Everybody who asks while one fetch is under way waits for that one."""
        kept = await self._store.get(self._key)
        if kept is not None and self._clock() < kept.fresh_until:
            return kept.value
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._fetched)
        # Shielded: a caller who gives up must not spoil the fetch for the others.
        return await asyncio.shield(self._fetching)

    async def refused(self, token: str) -> None:
        """See `TokenProvider.refused`."""
        await self._store.drop(self._key, token)

    async def close(self) -> None:
        """Stops a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    async def _fetch(self) -> str:
        body = {"app_id": self._settings.app_id, "app_secret": self._settings.app_secret}
        call = FeishuCall("POST", "auth/v3/tenant_access_token/internal", body=body, repeatable=True)
        url = f"{self._settings.domain.rstrip('/')}/open-apis/{call.path}"
        answer = await exchange(self._client, url, call, {}, timeout_s=CALL_LIMIT_S)
        if not answer.good:
            raise answer.error(call)
        value, life_s = as_text(answer.payload.get("tenant_access_token")), as_number(answer.payload.get("expire"))
        if not value or life_s <= 0:
            raise RetryLater("Feishu gave no tenant_access_token")
        fresh_s = max(life_s - RENEW_BEFORE_S, life_s / 2)
        await self._store.put(self._key, KeptToken(value, self._clock() + fresh_s))
        return value

    def _fetched(self, task: asyncio.Task[str]) -> None:
        self._fetching = None
        if not task.cancelled():
            # Taken note of here, for every waiter may have gone.
            task.exception()
