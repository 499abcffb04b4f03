from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.channels.feishu.stage import Stage, staged


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one
