"""The one place where concrete parts are chosen: `build_service(settings)` gives the whole product, not yet started."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import Connection, func, select

import wiring_agents
import wiring_channels
import wiring_desk
import wiring_metrics
import wiring_retrieval
from channels.channel import Channel
from console.screens import Screens, load_templates
from conversation.errors import RetryLater
from conversation.turn import DeskHours, SendRight
from delivery.inbox import Inbox
from delivery.post_office import PostOffice
from delivery.terms import DeliveryTerms
from delivery.wakeup import LocalWakeup, Wakeup
from graph.turn import TurnThinker
from knowledge.entries import KnowledgeBase
from knowledge.importing import ImportReport
from playground.stage import Stage
from retrieval.index_keeper import Reindexed
from retrieval.retriever import Retriever
from retrieval.slow_embedding import Progress
from settings import Settings
from store.database import Database
from store.schema import inbox as inbox_rows
from store.schema import outbox as outbox_rows
from telemetry import Metrics
from tools.feishu_helpdesk import FeishuHelpdesk
from tools.lean_http import lean_client
from wiring_customers import customer_chores
from wiring_store import prepare_data_folder, ready_database

HTTP_TIMEOUT = httpx.Timeout(10.0, connect=5.0)


@dataclass(kw_only=True)
class Parts:
    """What stands before the workers are built."""

    settings: Settings
    clock: Callable[[], float]
    database: Database
    inbox: Inbox
    wakeup: Wakeup
    channels: Mapping[tuple[str, str], Channel]
    library: wiring_retrieval.Library
    minds: wiring_agents.Minds
    client: httpx.AsyncClient
    helpdesk: FeishuHelpdesk | None
    metrics: Metrics


@dataclass(kw_only=True)
class Service(Parts):
    """The built product. `start` runs its workers, `stop` ends them, `close` gives everything back."""

    office: PostOffice
    screens: Screens
    stage: Stage | None
    _background: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def retriever(self) -> Retriever:
        """Finds entries for questions."""
        return self.library.retriever

    @property
    def knowledge(self) -> KnowledgeBase:
        """What is known, with its versions."""
        return self.library.knowledge

    @property
    def thinker(self) -> TurnThinker:
        """Thinks one turn."""
        return self.minds.thinker

    def desk_hours(self, now: float) -> DeskHours:
        """Whether people are at the desk at `now` (Unix seconds)."""
        return wiring_desk.office_hours(self.settings).at(now)

    async def redis_problem(self) -> str:
        """Why Redis cannot be used, in words; empty when it answers or is not configured."""
        return await self.wakeup.problem()

    async def start(self, role: str = "all") -> None:
        """Imports the configured knowledge and, unless `role` is `web`, starts the workers."""
        if self.settings.knowledge.import_paths:
            await self.import_knowledge(self.settings.knowledge.import_paths)
        await self.retriever.refresh()
        self.library.tell()
        if role != "web":
            if self.library.slow is not None:
                self.retriever.follow_soon()
            await self.office.start()
            await wiring_channels.connect(self.channels)
            if self.helpdesk is not None:
                self._background.append(asyncio.create_task(wiring_desk.subscribe_events(self.helpdesk)))
        if self.stage is not None:
            self._background.append(asyncio.create_task(self.stage.run()))

    async def stop(self) -> None:
        """Stops the workers: what runs may finish, the rest is given back for others."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        self._background.clear()
        await self.office.stop()

    async def close(self) -> None:
        """Closes every connection."""
        await self.inbox.close()
        if self.stage is not None:
            await self.stage.aclose()
        for channel in self.channels.values():
            await channel.close()
        if self.minds.model is not None:
            await self.minds.model.close()
        await self.library.close()
        await self.wakeup.close()
        await self.client.aclose()
        await self.database.close()

    async def import_knowledge(self, paths: Sequence[Path]) -> ImportReport:
        """Imports files or folders; a file with an error changes nothing."""
        return await self.knowledge.import_paths(paths)

    async def reindex(self, *, again: bool = False, progress: Progress) -> Reindexed:
        """Makes the vectors of the whole base with the embedder of the settings; see `IndexKeeper.reindex`."""
        return await self.library.keeper.reindex(again=again, progress=progress)

    async def problems(self) -> list[str]:
        """What keeps this process from serving now, in words; also renews the waiting figures."""
        try:
            waiting = await self.database.read(_waiting)
        except RetryLater as gone:
            return [f"database: {gone}"]
        for queue, count in waiting.items():
            self.metrics.waiting.labels(queue).set(count)
        return []


def _waiting(connection: Connection) -> dict[str, int]:
    counts = {}
    for queue, table, status in (("inbox", inbox_rows, "waiting"), ("outbox", outbox_rows, "queued")):
        query = select(func.count()).select_from(table).where(table.c.status == status)
        counts[queue] = connection.execute(query).scalar_one()
    return counts


async def build_service(settings: Settings, *, clock: Callable[[], float] = time.time) -> Service:
    """Opens the database, brings its schema up to date, and builds every part. Raises `BadSettings`."""
    prepare_data_folder(settings.data_dir)
    wakeup = _build_wakeup(settings)
    database = await ready_database(settings)
    client = lean_client(HTTP_TIMEOUT)
    if (stage := _build_stage(settings, client) if settings.plays else None) is not None:
        settings = settings.with_stage(stage.channels(), stage.desk())
    inbox = Inbox(database, wakeup, clock)
    library = await wiring_retrieval.build_library(settings, database, clock)
    minds = await wiring_agents.build_minds(settings, library.retriever)
    desk = wiring_desk.build_desk(database, clock)
    leaving = asyncio.Event()
    ends = wiring_channels.Ends(inbox, desk, database, client, clock, leaving)
    channels = wiring_channels.build_channels(settings, ends)
    parts = Parts(
        settings=settings,
        clock=clock,
        database=database,
        inbox=inbox,
        wakeup=wakeup,
        channels=channels,
        library=library,
        minds=minds,
        client=client,
        helpdesk=wiring_desk.build_helpdesk(settings, channels, client, clock),
        metrics=Metrics(),
    )
    return Service(
        **vars(parts),
        office=_build_office(parts),
        screens=_build_screens(parts, stage, leaving),
        stage=stage,
    )


def _build_screens(parts: Parts, stage: Stage | None, leaving: asyncio.Event) -> Screens:
    retriever = parts.library.retriever
    return Screens(
        parts.database,
        parts.clock,
        stage,
        load_templates(parts.minds.intent_names),
        search=lambda question, k: retriever.search(question, k=k),
        open_to_all=parts.settings.console_open,
        leaving=leaving,
    )


def _build_office(parts: Parts) -> PostOffice:
    settings, delivery = parts.settings, parts.settings.delivery
    actions = wiring_desk.build_actions(
        settings,
        database=parts.database,
        retriever=parts.library.retriever,
        briefs=parts.minds.briefs,
        helpdesk=parts.helpdesk,
        channels=parts.channels,
        clock=parts.clock,
    )
    return PostOffice(
        parts.database,
        parts.inbox,
        wiring_metrics.counted_channels(parts.channels, parts.metrics),
        wiring_metrics.counted(parts.minds.thinker.think, parts.metrics),
        wiring_desk.build_effects(settings),
        parts.wakeup,
        terms=DeliveryTerms(turn_slots=delivery.slots, quiet_s=delivery.quiet_s, cap_s=delivery.cap_s),
        actions=actions,
        chores=[*wiring_channels.channel_chores(parts.channels, parts.database), *customer_chores(parts.database)],
        desk_hours=wiring_desk.office_hours(settings).at,
        send_right=lambda _: SendRight(settings.room_right),
        clock=parts.clock,
    )


def _build_stage(settings: Settings, client: httpx.AsyncClient) -> Stage:
    helpdesk = settings.desk.helpdesk
    return Stage(
        f"http://127.0.0.1:{settings.port}", client, helpdesk=(helpdesk.id, helpdesk.token) if helpdesk else None
    )


def _build_wakeup(settings: Settings) -> Wakeup:
    if not settings.redis_url:
        return LocalWakeup()
    # A start without Redis does not pay for importing its client.
    from delivery.redis_wakeup import RedisWakeup

    return RedisWakeup(settings.redis_url)
