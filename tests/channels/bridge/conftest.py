from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from store.database import Database
from tests.channels.bridge.stage import Stage, staged, with_settings


@pytest.fixture
async def stage(sqlite_database: Database) -> AsyncIterator[Stage]:
    """A gateway that commands are posted to."""
    async with staged(sqlite_database) as one:
        yield one


@pytest.fixture
async def pulled(sqlite_database: Database) -> AsyncIterator[Stage]:
    """A gateway without an address, which fetches its commands."""
    async with staged(sqlite_database, with_settings(api_base="", receipt_wait_s=5.0)) as one:
        yield one
