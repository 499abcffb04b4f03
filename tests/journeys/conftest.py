"""The whole product on a loopback port beside the doubles of both platforms: webhook bytes in, platform calls out."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from app import build_app
from playground import stage as scene
from playground.ledger import Message
from playground.llm_double import LlmDouble, Mood
from playground.stage import Stage
from settings import Settings
from wiring import Service, build_service

SAMPLE = Path(__file__).resolve().parents[2] / "knowledge" / "sample"
AMING, LILI = scene.WECOM_MEMBERS[0], scene.WECOM_MEMBERS[1]
CHEN = scene.FEISHU_CUSTOMERS[0]
LI, ZHOU = scene.STAFF
DM = f"oc_p2p_{CHEN.user_id}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def served(app: Any, port: int) -> AsyncIterator[None]:
    """`app` on a real socket while the block runs."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if running.done():
                running.result()
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await running


@dataclass
class Play:
    """What a journey does and sees. People speak; the ledger holds what both platforms showed."""

    service: Service
    stage: Stage

    async def in_group(self, text: str, who: scene.Persona = AMING, *, mention: bool = True) -> str:
        """A member writes in the WeCom group."""
        return await self.stage.wecom.say(
            chat_id=scene.WECOM_GROUP, user_id=who.user_id, user_name=who.name, text=text, mention_bot=mention
        )

    async def in_single(self, text: str, who: scene.Persona = AMING) -> str:
        """A member writes to the WeCom bot alone."""
        return await self.stage.wecom.say(chat_id=None, user_id=who.user_id, user_name=who.name, text=text)

    async def in_feishu(self, text: str, who: scene.Persona = CHEN) -> str:
        """A customer writes to the Feishu bot."""
        return await self.stage.feishu.say(
            chat_id=f"oc_p2p_{who.user_id}",
            user_open_id=who.user_id,
            user_name=who.name,
            text=text,
            chat_type="p2p",
        )

    async def answer(self, chat: str, after: int = 0, *, containing: str = "") -> Message:
        """The bot's next finished line in a chat after change number `after`."""

        def fits(one: Message) -> bool:
            done = one.extra.get("finish", True)
            return (
                one.chat_id == chat
                and one.sender_role == "bot"
                and one.seq > after
                and bool(done)
                and containing in one.text
            )

        return await self.stage.ledger.until(fits, timeout_s=10)

    async def card(self) -> Message:
        """The newest escalation card in the staff group."""
        return await self.stage.ledger.until(
            lambda one: one.chat_id == scene.STAFF_CHAT and one.card is not None and bool(one.card), timeout_s=10
        )

    async def press(self, card: Message, button: str, who: scene.Persona = LI) -> dict[str, Any]:
        """A member of staff presses a button of a card."""
        value = self.stage.feishu.button(card.message_id, button)
        return await self.stage.feishu.press(card.message_id, who.user_id, who.name, value)

    async def staff_writes(self, card: Message, text: str, who: scene.Persona = LI) -> str:
        """A member of staff answers in the thread of a card."""
        return await self.stage.feishu.reply(card.message_id, user_open_id=who.user_id, user_name=who.name, text=text)

    async def quiet(self) -> None:
        """Waits until nothing waits: no inbox row, no outbox row, no timer that is due."""
        from tests.journeys.stillness import nothing_waits

        async with asyncio.timeout(15):
            while not await self.service.database.read(lambda c: nothing_waits(c, self.service.clock())):
                await asyncio.sleep(0.02)
        await self.stage.wecom.settled()

    def bot_lines(self, chat: str) -> list[str]:
        """Everything the bot said in a chat."""
        return [one.text for one in self.stage.ledger.of(chat, role="bot") if one.text]

    @property
    def mark(self) -> int:
        """The number of the newest change: what comes later is news."""
        return self.stage.ledger.last_seq


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with trained classifiers and the sample knowledge base, to be copied."""
    folder = tmp_path_factory.mktemp("prepared")

    async def prepare() -> None:
        service = await build_service(Settings(data_dir=folder, playground="off"))
        await service.import_knowledge([SAMPLE])
        await service.retriever.refresh()
        await service.close()

    asyncio.run(prepare())
    return folder


Open = Callable[..., Awaitable[Play]]


@pytest.fixture
async def open_stage(prepared: Path, tmp_path: Path) -> AsyncIterator[Open]:
    """Starts the product with settings of one's own; stops it after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**changes: Any) -> Play:
            folder = tmp_path / "var"
            shutil.copytree(prepared, folder)
            port = free_port()
            settings = Settings.model_validate({"data_dir": folder, "port": port, "playground": "on", **changes})
            service = await build_service(settings)
            stack.push_async_callback(service.close)
            await stack.enter_async_context(served(build_app(service), port))
            assert service.stage is not None
            return Play(service, service.stage)

        yield start


@pytest.fixture
async def play(open_stage: Open) -> Play:
    """The product as it comes: no language model, quiet hold as short as a test wants it."""
    return await open_stage(delivery={"quiet_s": 0.2, "cap_s": 0.5})


@dataclass
class ModelEndpoint:
    """The language model's double, and the settings that point at it."""

    double: LlmDouble
    settings: dict[str, Any]

    def be(self, **mood: Any) -> None:
        """Takes on a mood: `latency_s`, `fail_every`, `malformed_every`, …"""
        self.double.reset(Mood(**mood))


@pytest.fixture
async def model() -> AsyncIterator[ModelEndpoint]:
    """A language model endpoint on a port of its own."""
    double, port = LlmDouble(), free_port()
    async with served(double.app, port):
        yield ModelEndpoint(double, {"base_url": f"http://127.0.0.1:{port}/v1", "model": "double", "timeout_s": 2})
