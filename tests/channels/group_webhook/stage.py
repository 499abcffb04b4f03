"""A robot's channel and its platform's double; nothing leaves the process. Nothing comes in, so no contract stage."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from channels.group_webhook import GroupWebhookChannel, GroupWebhookSettings
from conversation.identity import Room, RoomKind
from playground.group_webhook_double import GroupWebhookDouble
from store.database import Database
from tests.conftest import FakeClock

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads/group_webhook"
KEY = "693a91f6-made-up-key"
SETTINGS = GroupWebhookSettings("ops", KEY, style="text", api_base="http://wecom.test/cgi-bin/")
ROOM = Room("group_webhook", "ops", "ops", RoomKind.GROUP)


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return found


@dataclass
class Stage:
    channel: GroupWebhookChannel
    double: GroupWebhookDouble
    clock: FakeClock

    @property
    def shown(self) -> list[str]:
        return self.double.shown(KEY)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [call.body for call in self.double.ledger.calls if call.call == "send"]


@asynccontextmanager
async def staged(database: Database, clock: FakeClock, **changes: Any) -> AsyncIterator[Stage]:
    double = GroupWebhookDouble(KEY, clock=clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(double.app)) as client:
        settings = replace(SETTINGS, **changes)
        channel = GroupWebhookChannel(settings, database=database, client=client, clock=clock)
        yield Stage(channel, double, clock)
        await channel.close()
