"""Wake-ups across processes by Redis pub/sub. Losing Redis loses speed alone: every worker sweeps the database too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from conversation.errors import BadSettings
from conversation.identity import new_id
from delivery.wakeup import LocalWakeup

logger = structlog.get_logger(__name__)

FORM = "redis://host:6379/0 (rediss:// for TLS, redis://:password@host:6379/0 with a password)"
CHANNEL = "huiying:wakeup"
LISTEN_S = 5.0
RECONNECT_S = 1.0


class RedisWakeup:
    """A `LocalWakeup` whose hints also reach the other processes, and which hears theirs.

    Hints within the process never touch the network. What is published is `sender topic`; our own echo is ignored.
    Raises `BadSettings` for what is no Redis URL.
    """

    def __init__(self, url: str) -> None:
        self._local = LocalWakeup()
        self._name = new_id("wk")
        try:
            self._redis = Redis.from_url(url, socket_connect_timeout=2, socket_timeout=LISTEN_S + 2)
        except ValueError:
            # The library's own words may quote the URL, password and all.
            raise BadSettings(f"HUIYING_REDIS_URL is no Redis address: write {FORM}") from None
        self._unsent: set[str] = set()
        self._something = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def wake(self, topic: str) -> None:
        """See `Wakeup.wake`."""
        self._local.wake(topic)
        self._start()
        self._unsent.add(topic)
        self._something.set()

    async def wait(self, topic: str, timeout_s: float) -> bool:
        """See `Wakeup.wait`."""
        self._start()
        return await self._local.wait(topic, timeout_s)

    async def problem(self) -> str:
        """See `Wakeup.problem`."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            return f"Redis does not answer: {error}"
        return ""

    async def close(self) -> None:
        """See `Wakeup.close`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._local.close()
        await self._redis.aclose()

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._publish()), asyncio.create_task(self._listen())]

    async def _publish(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            topics, self._unsent = self._unsent, set()
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for topic in topics:
                        pipeline.publish(CHANNEL, f"{self._name} {topic}")
                    await pipeline.execute()
            except (RedisError, OSError) as error:
                logger.warning("wakeup.not_published", error=str(error))
                await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._subscription() as subscription:
                    while True:
                        await self._hear(subscription)
            except (RedisError, OSError) as error:
                logger.warning("wakeup.not_listening", error=str(error))
                await asyncio.sleep(RECONNECT_S)

    async def _hear(self, subscription: PubSub) -> None:
        heard = await subscription.get_message(ignore_subscribe_messages=True, timeout=LISTEN_S)
        if heard is None:
            return
        sender, _, topic = bytes(heard["data"]).decode().partition(" ")
        if sender != self._name:
            self._local.wake(topic)

    @asynccontextmanager
    async def _subscription(self) -> AsyncIterator[PubSub]:
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(CHANNEL)
            yield subscription
