"""Posts a platform's webhooks to the service under the platform's time limit and records their fate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from playground.faults import Faults
from playground.ledger import Delivery, DoubleLedger


class Courier:
    """Posts webhooks of one platform; `limit_s` is real time, as the platform's patience is."""

    def __init__(
        self,
        platform: str,
        client: httpx.AsyncClient,
        ledger: DoubleLedger,
        faults: Faults,
        clock: Callable[[], float],
        limit_s: float,
    ) -> None:
        self._platform = platform
        self._client = client
        self._ledger = ledger
        self._faults = faults
        self._clock = clock
        self._limit_s = limit_s
        self._late: set[asyncio.Task[httpx.Response]] = set()

    async def post(self, url: str, key: str, kind: str, **request: Any) -> httpx.Response | None:
        """Post once; give the answer, or None if it was late, lost or never made.

        `request` goes to httpx (content, headers, params). Exceptions of an in-process ASGI service come through.
        """
        fault = await self._faults.strike("webhook")
        if fault and (fault.refuse or fault.answers_error):
            self._record(key, kind, "withheld", fault.http)
            return None
        task = asyncio.ensure_future(self._client.post(url, timeout=self._limit_s, **request))
        # A late receiver is not cancelled: on a real server the work goes on after the platform hung up.
        done, _ = await asyncio.wait({task}, timeout=self._limit_s)
        if not done:
            self._late.add(task)
            task.add_done_callback(self._forget)
            self._record(key, kind, "late", None)
            return None
        try:
            response = task.result()
        except httpx.TimeoutException:
            self._record(key, kind, "late", None)
            return None
        except httpx.HTTPError:
            self._record(key, kind, "unreachable", None)
            return None
        if fault and fault.drop:
            self._record(key, kind, "late", response.status_code)
            return None
        self._record(key, kind, "answered" if response.is_success else "refused", response.status_code)
        return response

    async def aclose(self) -> None:
        """Cancel posts that are still waiting for a late receiver."""
        late = list(self._late)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _forget(self, task: asyncio.Task[httpx.Response]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()

    def _record(self, key: str, kind: str, outcome: Any, status: int | None) -> None:
        self._ledger.delivered(Delivery(self._platform, key, kind, self._clock(), outcome, status))
