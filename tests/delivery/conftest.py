"""The stage on which mail is tested, on both databases."""

from __future__ import annotations

import pytest

from store.database import Database
from tests.conftest import FakeClock
from tests.delivery.stage import Stage


@pytest.fixture
def stage(database: Database, clock: FakeClock) -> Stage:
    return Stage(database, clock)
