from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from store.database import Database
from tests.channels.mp_stage import MpStage, staged
from tests.channels.official_account.stage import FOLDER, SETTINGS, with_settings


@pytest.fixture
async def stage(sqlite_database: Database) -> AsyncIterator[MpStage]:
    """Callbacks are not held: every answer is a call."""
    async with staged(SETTINGS, sqlite_database, folder=FOLDER) as one:
        yield one


@pytest.fixture
async def holding(database: Database) -> AsyncIterator[MpStage]:
    """Callbacks are held for two seconds; on each kind of database."""
    async with staged(with_settings(hold_s=2.0), database, folder=FOLDER) as one:
        yield one
