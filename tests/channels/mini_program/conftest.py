from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from store.database import Database
from tests.channels.mini_program.stage import FOLDER, SETTINGS
from tests.channels.mp_stage import MpStage, staged


@pytest.fixture
async def stage(sqlite_database: Database) -> AsyncIterator[MpStage]:
    async with staged(SETTINGS, sqlite_database, folder=FOLDER, form="json") as one:
        yield one
