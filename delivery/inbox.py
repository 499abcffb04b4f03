"""Where channels put what came in: durable, once per platform message id, before anybody thinks about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import orjson
import structlog
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from conversation.codec import to_json
from conversation.messages import Incoming, IncomingMessage
from delivery.shared_write import SharedWrite
from delivery.wakeup import TURNS, Wakeup
from store.database import Database
from store.inbox_rows import EVENT, MESSAGE, NewRow, keep

logger = structlog.get_logger(__name__)

Clock = Callable[[], float]
Arrived = Callable[[Collection[str]], None]


def _nobody(_lanes: Collection[str]) -> None:
    """Nobody thinks in this process."""


class Inbox:
    """The real `Intake`. Puts that arrive while a batch is being written share the next write.

    Other processes are woken by `wakeup` or find the rows in their sweep.
    """

    def __init__(self, database: Database, wakeup: Wakeup, clock: Clock) -> None:
        self._database = database
        self._wakeup = wakeup
        self._clock = clock
        self._arrived: Arrived = _nobody
        self._writes: SharedWrite[list[NewRow], list[bool]] = SharedWrite(self._keep)

    def tell(self, arrived: Arrived) -> None:
        """From now on `arrived` hears which lanes got something new: a turn in this process takes the new words in."""
        self._arrived = arrived

    async def put(self, incoming: Sequence[Incoming]) -> list[bool]:
        """Keeps each item durably, once per key; gives True for the new ones, False for repeats, in order.

        Raises `RetryLater` when the database is gone: the platform must deliver again.
        """
        if not incoming:
            return []
        return await self._writes.add([_row(item) for item in incoming])

    async def close(self) -> None:
        """Waits until everything that was put is durable."""
        await self._writes.close()

    async def _keep(self, puts: Sequence[list[NewRow]]) -> list[list[bool]]:
        rows = [row for put in puts for row in put]
        now = self._clock()
        fresh = await self._database.write(lambda connection: keep(connection, rows, now))
        lanes = {row.conversation_key for row in rows if row.dedup_key in fresh}
        answers = [[_first_of(fresh, row.dedup_key) for row in put] for put in puts]
        if lanes:
            self._arrived(lanes)
            self._wakeup.wake(TURNS)
        return answers


def _first_of(fresh: set[str], key: str) -> bool:
    """True for a new key the first time that it is asked for."""
    if key in fresh:
        fresh.discard(key)
        return True
    return False


def _row(item: Incoming) -> NewRow:
    kind = MESSAGE if isinstance(item, IncomingMessage) else EVENT
    try:
        payload = to_json(item)
    except PydanticSerializationError:
        payload = _mended(item)
        logger.warning("inbox.text_mended", dedup_key=item.key)
    return NewRow(item.key, item.lane, kind, payload)


def _mended(item: Incoming) -> str:
    """The JSON of an item with half a character in it (platforms cut texts anywhere): the half becomes U+FFFD."""
    plain = TypeAdapter(type(item)).dump_python(item)
    return orjson.dumps(_whole(plain)).decode()


def _whole(value: object) -> object:
    if isinstance(value, str):
        return str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(one) for one in value]
    return value
