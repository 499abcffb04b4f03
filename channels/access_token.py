"""Keeps an app's access token fresh: one fetch at a time, and a place where many processes may share it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


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


class AccessToken:
    """The token of one app. `fetch` asks the platform for a new one and says until when it is fresh; `key` names the
    app in the store (no secret in it).
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[KeptToken]],
        store: TokenStore,
        key: str,
        clock: Callable[[], float],
    ) -> None:
        self._ask = fetch
        self._store = store
        self._key = key
        self._clock = clock
        self._fetching: asyncio.Task[str] | None = None

    async def token(self) -> str:
        """A token that is good for some minutes. Everybody who asks while a fetch is under way waits for that one.

        Raises what `fetch` raises: `RetryLater`, or `GiveUp` when none can be had.
        """
        kept = await self._store.get(self._key)
        if kept is not None and self._clock() < kept.fresh_until:
            return kept.value
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._fetched)
        # Shielded: a caller who gives up must not spoil the fetch for the others.
        return await asyncio.shield(self._fetching)

    async def refused(self, token: str) -> None:
        """Called when the platform did not take `token`: forget it, so that the next one is fresh."""
        await self._store.drop(self._key, token)

    async def close(self) -> None:
        """Stops a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    async def _fetch(self) -> str:
        kept = await self._ask()
        await self._store.put(self._key, kept)
        return kept.value

    def _fetched(self, task: asyncio.Task[str]) -> None:
        self._fetching = None
        if not task.cancelled():
            # Taken note of here, for every waiter may have gone.
            task.exception()
