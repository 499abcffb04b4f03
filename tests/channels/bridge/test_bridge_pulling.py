"""A gateway without an address fetches its commands: at least once, until it says that it has them."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from channels.bridge import BridgeChannel
from channels.bridge.webhook import LEASE_S
from conversation.errors import FateUnknown, GiveUp
from conversation.identity import Room, RoomKind
from conversation.messages import OutgoingMessage
from store.database import Database
from tests.channels.bridge.stage import GROUP, OURS, Stage, staged, with_settings
from tests.channels.contract import KeptIntake
from tests.playground.stages import served

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/bridge_client.py"


def words(text: str = "预计明天发货") -> OutgoingMessage:
    return OutgoingMessage(GROUP, text=text)


async def sent_and_pulled(stage: Stage, key: str = "k1", **how: Any) -> tuple[Any, list[dict[str, Any]]]:
    sending = asyncio.create_task(stage.channel.send(words(), key))
    commands: list[dict[str, Any]] = []
    while not commands:
        commands = await stage.double.gateway.pull(wait=5, **how)
    return sending, commands


async def test_a_command_is_fetched_done_and_confirmed(pulled: Stage) -> None:
    sending, (command,) = await sent_and_pulled(pulled)
    assert (command["command_id"], command["message"]["text"]) == ("k1", "预计明天发货")
    assert (await sending).platform_message_id == pulled.double.ledger.of("room-1", "bot")[0].message_id
    assert await pulled.double.gateway.pull() == []
    assert pulled.double.violations == []


async def test_a_poll_waits_for_a_command_that_is_not_there_yet(pulled: Stage) -> None:
    polling = asyncio.create_task(pulled.double.gateway.pull(wait=20))
    await asyncio.sleep(0)
    await asyncio.wait_for(pulled.channel.send(words(), "k1"), 15)
    assert [one["command_id"] for one in await polling] == ["k1"]


async def test_a_poll_finds_a_command_that_another_process_wrote(sqlite_database: Database) -> None:
    settings = with_settings(api_base="", receipt_wait_s=10.0)
    async with staged(sqlite_database, settings) as worker, staged(sqlite_database, settings) as web:
        polling = asyncio.create_task(web.double.gateway.pull(wait=20))
        await asyncio.wait_for(worker.channel.send(words(), "k1"), 15)
        assert [one["command_id"] for one in await polling] == ["k1"]


async def test_what_was_fetched_and_not_acknowledged_comes_again_after_its_time(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(api_base="", receipt_wait_s=0.01)) as stage:
        with pytest.raises(FateUnknown, match="not fetched"):
            await stage.channel.send(words(), "k1")
        lost = await stage.double.gateway.pull(acknowledge=False, act=False)
        assert [one["command_id"] for one in lost] == ["k1"]
        assert await stage.double.gateway.pull() == []
        stage.clock.advance(LEASE_S)
        assert await stage.double.gateway.pull() == lost
        await stage.double.gateway.settled()
        assert (await stage.channel.send(words(), "k1")).platform_message_id
        assert stage.double.ledger.texts("room-1") == ["预计明天发货"]


async def test_what_was_acknowledged_does_not_come_again(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(api_base="", receipt_wait_s=0.01)) as stage:
        with pytest.raises(FateUnknown):
            await stage.channel.send(words(), "k1")
        await stage.double.gateway.pull(act=False)
        stage.clock.advance(LEASE_S)
        assert await stage.double.gateway.pull() == []
        with pytest.raises(FateUnknown, match="has not said"):
            await stage.channel.send(words(), "k1")


async def test_an_old_command_is_never_offered_and_a_person_is_told(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(api_base="", receipt_wait_s=0.01)) as stage:
        with pytest.raises(FateUnknown):
            await stage.channel.send(words(), "k1")
        stage.clock.advance(300)
        assert await stage.double.gateway.pull() == []
        with pytest.raises(GiveUp, match="did not arrive"):
            await stage.channel.send(words(), "k1")


async def test_a_failure_that_passes_is_offered_again_after_its_pause(pulled: Stage) -> None:
    pulled.double.gateway.fail_next("offline", 30)
    sending, _ = await sent_and_pulled(pulled)
    with pytest.raises(Exception, match="offline"):
        await sending
    assert await pulled.double.gateway.pull() == []
    pulled.clock.advance(30)
    sending, _ = await sent_and_pulled(pulled)
    assert (await sending).platform_message_id


async def test_commands_come_in_order_and_not_more_than_asked_for(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(api_base="", receipt_wait_s=0.0)) as stage:
        for number in range(4):
            with pytest.raises(FateUnknown):
                await stage.channel.send(words(), f"k{number}")
        answer = await stage.http.get(OURS, params={"wait": "0", "limit": "3"}, headers=stage.double.wire.headers(b""))
        assert [one["command_id"] for one in answer.json()["commands"]] == ["k0", "k1", "k2"]
        assert stage.double.wire.problem(answer.headers, answer.content) == ""


async def test_only_the_gateway_may_fetch(pulled: Stage) -> None:
    headers = pulled.double.wire.headers(b"")
    for wrong in ({}, {**headers, "X-Bridge-Signature": "v1=" + "0" * 64}):
        assert (await pulled.http.get(OURS, params={"wait": "0"}, headers=wrong)).status_code == 401
    assert (await pulled.http.get(OURS, params={"wait": "0"}, headers=headers)).status_code == 200
    assert (await pulled.http.get(OURS, params={"wait": "0"}, headers=headers)).status_code == 401


@pytest.mark.parametrize("query", [{"wait": "-1"}, {"wait": "x"}, {"limit": "1e3"}, {"wait": "９"}])
async def test_a_question_of_no_sense_is_refused(pulled: Stage, query: dict[str, str]) -> None:
    assert (await pulled.http.get(OURS, params=query, headers=pulled.double.wire.headers(b""))).status_code == 400


async def test_an_account_that_posts_is_not_polled(stage: Stage) -> None:
    assert (await stage.http.get(OURS, headers=stage.double.wire.headers(b""))).status_code == 405


async def test_the_documented_example_talks_to_the_real_channel(sqlite_database: Database) -> None:
    secret, intake = "an-example-secret-of-the-docs", KeptIntake()
    settings = with_settings(secret=secret, api_base="", receipt_wait_s=20.0, bridge_id="")
    async with httpx.AsyncClient() as client:
        channel = BridgeChannel(settings, intake=intake, database=sqlite_database, client=client, clock=time.time)
        app = Starlette(routes=[Route("/channels/bridge/main", channel.receive, methods=["GET", "POST"])])
        async with served(app) as origin:
            environment = {**os.environ, "BRIDGE_URL": f"{origin}/channels/bridge/main", "BRIDGE_SECRET": secret}
            running = await asyncio.create_subprocess_exec(
                sys.executable,
                str(EXAMPLE),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**environment, "NO_PROXY": "127.0.0.1"},
            )
            try:
                assert running.stdin is not None
                assert running.stdout is not None
                running.stdin.write("我的订单到哪了\n".encode())
                async with asyncio.timeout(60):
                    receipt = await channel.send(
                        OutgoingMessage(Room("bridge", "main", "room-1", RoomKind.DIRECT), text="预计明天发货"), "k1"
                    )
                    assert (await running.stdout.readline()).decode() == "预计明天发货\n"
                    while not intake.messages:
                        await asyncio.sleep(0.01)
                assert receipt.platform_message_id
                assert [one.text for one in intake.messages] == ["我的订单到哪了"]
            finally:
                running.kill()
                await running.wait()


def test_the_example_is_as_short_as_promised() -> None:
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 60
