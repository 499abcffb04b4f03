"""A 小程序's customer service between an inbox that remembers and the platform's double."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from channels.mini_program import MiniProgramSettings
from tests.channels.contract import kept_database
from tests.channels.mp_stage import PLATFORM, SECRET, MpStage, staged, vectors

FOLDER = "wechat_mini"
VECTORS = vectors(FOLDER)
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in VECTORS["cases"]}

SETTINGS = MiniProgramSettings(
    account="main",
    app_id=VECTORS["receive_id"],
    secret=SECRET,
    token=VECTORS["token"],
    encoding_aes_key=VECTORS["encoding_aes_key"],
    api_base=PLATFORM,
    typing=False,
)


def with_settings(**changes: Any) -> MiniProgramSettings:
    return replace(SETTINGS, **changes)


@asynccontextmanager
async def contract_stage(tmp_path: Path) -> AsyncIterator[MpStage]:
    """The account with encrypted JSON callbacks."""
    async with kept_database(tmp_path) as database, staged(SETTINGS, database, folder=FOLDER, form="json") as one:
        yield one
