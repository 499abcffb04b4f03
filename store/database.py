"""How a unit of work reaches the database: the port that the whole product writes and reads through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

Result = TypeVar("Result")

#: A plain function over one SQLAlchemy connection. It may run again after a lost connection or a serialisation
#: conflict, so it touches nothing but the database; it never commits.
Work = Callable[[Connection], Result]


class Database(Protocol):
    """One SQL database. Each call is one transaction and one hop off the event loop."""

    dialect: str

    async def write(self, work: Work[Result]) -> Result:
        """Runs `work` in a transaction of its own and returns its result once that is durable.

        What `work` raises is raised here, and nothing of it is kept. Raises `RetryLater` when the database is gone.
        """
        ...

    async def read(self, work: Work[Result]) -> Result:
        """Runs `work` on a snapshot, without writing. Raises `RetryLater` when the database is gone."""
        ...

    async def close(self) -> None:
        """Waits for running work and closes every connection."""
        ...
