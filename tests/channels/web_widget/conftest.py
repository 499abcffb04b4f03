from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from store.database import Database
from tests.channels.web_widget.stage import Stage, staged


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    """On SQLite and on PostgreSQL."""
    async with staged(database) as one:
        yield one


@pytest.fixture
async def light_stage(sqlite_database: Database) -> AsyncIterator[Stage]:
    """On SQLite alone, for what asks nothing of the database."""
    async with staged(sqlite_database) as one:
        yield one
