"""PostgreSQL as the database of many processes, through psycopg's async driver."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from conversation.errors import RetryLater
from store.database import Result, Work

#: SQLSTATE of conflicts that a second try heals: serialisation failure and deadlock.
CONFLICTS = frozenset({"40001", "40P01"})
TRIES = 3


class PostgresDatabase:
    """The database of a cluster: any number of processes."""

    dialect = "postgresql"

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        # What customers said stands in the parameters: it must not reach a log by way of an error's words.
        self._engine = create_async_engine(
            url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=False, hide_parameters=True
        )

    async def write(self, work: Work[Result]) -> Result:
        """See `Database.write`."""
        for attempt in range(1, TRIES + 1):
            try:
                async with self._engine.begin() as connection:
                    return await connection.run_sync(work)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", "") in CONFLICTS and attempt < TRIES:
                    continue
                raise _named(error) from error
            except PoolTimeout as error:
                raise RetryLater("every PostgreSQL connection of this process is busy") from error
        raise RetryLater("PostgreSQL kept refusing a transaction because of conflicts")

    async def read(self, work: Work[Result]) -> Result:
        """See `Database.read`."""
        try:
            async with self._engine.connect() as connection:
                return await connection.run_sync(work)
        except DBAPIError as error:
            raise _named(error) from error
        except PoolTimeout as error:
            raise RetryLater("every PostgreSQL connection of this process is busy") from error

    async def close(self) -> None:
        """See `Database.close`."""
        await self._engine.dispose()


def _named(error: DBAPIError) -> Exception:
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return RetryLater(f"PostgreSQL is not reachable: {error.orig}")
    return error
