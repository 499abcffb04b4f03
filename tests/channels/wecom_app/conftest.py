from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from store.database import Database
from tests.channels.wecom_app.stage import Stage, staged


@pytest.fixture
async def stage(sqlite_database: Database) -> AsyncIterator[Stage]:
    async with staged(sqlite_database) as one:
        yield one
