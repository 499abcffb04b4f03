"""What has surely gone out, by idempotency key: for platforms that know no such key of their own.

A message that leaves in several parts is tried again as a whole; the parts that the platform took are left out then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection, bindparam, select

from conversation.errors import HuiyingError
from conversation.identity import dedup_key
from store.database import Database
from store.dialects import insert_new
from store.schema import ledger

logger = structlog.get_logger(__name__)

#: How many notes are kept in memory beside those of the database.
RECENT_LIMIT = 1000

Part = TypeVar("Part")

_KNOWN = select(ledger.c.dedup_key).where(ledger.c.dedup_key == bindparam("wanted"))
_NOTE = insert_new(ledger)


class SentParts:
    """The notes of one account, in the ledger of the database: every process reads them."""

    def __init__(self, database: Database, platform: str, account: str, clock: Callable[[], float]) -> None:
        self._database = database
        self._platform = platform
        self._account = account
        self._clock = clock
        self._recent: dict[str, str] = {}

    async def send(self, parts: Sequence[Part], key: str, send: Callable[[Part], Awaitable[str]]) -> str:
        """Sends the parts in order that were not sent under `key` before; gives the first one's id as far as known.

        `send` gives the platform's message id. What it raises comes through; the parts before it are noted.
        """
        first = ""
        for number, part in enumerate(parts):
            name = dedup_key(self._platform, self._account, f"sent:{key}:{number}")
            if name in self._recent or await self._database.read(partial(_is_known, name=name)):
                first = first or self._recent.get(name, "")
                continue
            message_id = await send(part)
            await self._note(name, message_id)
            first = first or message_id
        return first

    async def _note(self, name: str, message_id: str) -> None:
        self._recent[name] = message_id
        while len(self._recent) > RECENT_LIMIT:
            del self._recent[next(iter(self._recent))]
        try:
            await self._database.write(partial(_keep, name=name, now=self._clock()))
        except HuiyingError as error:
            # The part is out: an error now would have it sent again.
            logger.warning("sent_parts.not_noted", note=name, reason=str(error))


def _is_known(connection: Connection, name: str) -> bool:
    return connection.execute(_KNOWN, {"wanted": name}).first() is not None


def _keep(connection: Connection, name: str, now: float) -> None:
    connection.execute(_NOTE.on(connection), {"dedup_key": name, "seen_at": now})
