"""A 公众号 between an inbox that remembers and the platform's double."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from channels.official_account import OfficialAccountSettings
from tests.channels.contract import kept_database
from tests.channels.mp_stage import PLATFORM, SECRET, MpStage, staged, vectors

FOLDER = "wechat_oa"
VECTORS = vectors(FOLDER)
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in VECTORS["cases"]}

SETTINGS = OfficialAccountSettings(
    account="main",
    app_id=VECTORS["receive_id"],
    secret=SECRET,
    token=VECTORS["token"],
    encoding_aes_key=VECTORS["encoding_aes_key"],
    api_base=PLATFORM,
    hold_s=0.02,
    typing=False,
)


def with_settings(**changes: Any) -> OfficialAccountSettings:
    return replace(SETTINGS, **changes)


@asynccontextmanager
async def contract_stage(tmp_path: Path) -> AsyncIterator[MpStage]:
    """The account in 安全模式; its callbacks are let go at once, so that every answer is a call."""
    async with kept_database(tmp_path) as database, staged(SETTINGS, database, folder=FOLDER) as one:
        yield one
