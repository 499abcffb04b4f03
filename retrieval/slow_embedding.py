"""A slow embedder as finding uses it: off the event loop, its vectors kept in SQL, its failures no question's."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import structlog
from sqlalchemy import Connection

from conversation.errors import GiveUp, HuiyingError, RetryLater
from llm.circuit_breaker import CircuitBreaker
from retrieval import kept_vectors
from retrieval.embedder import SlowEmbedder, Vectors
from retrieval.kept_vectors import hash_of
from store.database import Database

logger = structlog.get_logger(__name__)

#: Seconds in which no question waits for a model that just failed: one slow turn, not every turn.
LEFT_ALONE_S = 15.0
#: Seconds after which the base's missing vectors are tried again.
REST_S = 60.0
#: Questions that are embedded at once, beside one batch of the base.
THREADS = 8

#: Told how many of how many vectors are there.
Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Tells nobody."""


class SlowEmbedding:
    """Vectors of questions and of the base's texts. `timeout_s` is how long a question waits for its vector."""

    def __init__(
        self,
        embedder: SlowEmbedder,
        database: Database,
        *,
        timeout_s: float = 0.8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.embedder = embedder
        self._database = database
        self._timeout_s = timeout_s
        self._clock = clock
        self._breaker = CircuitBreaker(clock, open_after=1, open_s=LEFT_ALONE_S)
        self._rests_until = float("-inf")
        # Threads of its own: a model that hangs must not hold up the database's.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="embedder")

    async def open(self) -> None:
        """Gets table and model ready. Raises `BadSettings` in words, `RetryLater` when the database is gone."""
        await self._database.write(kept_vectors.ensure)
        known = await self._database.read(partial(kept_vectors.dimensions_of, embedder=self.embedder.name))
        await asyncio.get_running_loop().run_in_executor(self._threads, self.embedder.open, known)

    @property
    def rests(self) -> bool:
        """True for a while after the base's vectors could not be made."""
        return self._clock() < self._rests_until

    async def of_questions(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of questions. Empty when the model is gone or late: the search then goes by words alone."""
        if not self._breaker.enter():
            return {}
        loop = asyncio.get_running_loop()
        asking = loop.run_in_executor(self._threads, self.embedder.embed_questions, list(texts))
        try:
            vectors = await asyncio.wait_for(asking, self._timeout_s)
        except (RetryLater, GiveUp, TimeoutError) as gone:
            self._breaker.failed()
            reason = str(gone) or f"no answer within {self._timeout_s:g} s"
            logger.error("retrieval.embedder_gone", embedder=self.embedder.name, reason=reason)
            return {}
        except asyncio.CancelledError:
            self._breaker.left()
            raise
        self._breaker.succeeded()
        return dict(zip(texts, vectors, strict=True))

    async def held(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of the base's texts as far as they are made. Raises `RetryLater` when the database is gone."""
        names = {text: hash_of(text) for text in texts}
        if not names:
            return {}
        found = await self._database.read(
            lambda connection: kept_vectors.held(connection, self.embedder.name, set(names.values()))
        )
        fits = self.embedder.dimensions
        return {text: found[name] for text, name in names.items() if len(found.get(name, ())) == fits}

    async def make(self, texts: Sequence[str], *, again: bool = False, progress: Progress = silent) -> int:
        """Makes the vectors that are missing (`again`: all of them), batch by batch; gives how many were missing.

        What was made stays, so the next call goes on where this one was stopped; processes that make the same at once
        share the work. Raises `RetryLater` or `GiveUp` in words when the model does not answer, then rests.
        """
        wanted = {hash_of(text): text for text in texts}
        done: set[str] = set()
        name, size = self.embedder.name, self.embedder.dimensions
        if again:
            # The model may have been changed under its name, so nothing is taken for known.
            await asyncio.get_running_loop().run_in_executor(self._threads, self.embedder.open)
        else:
            done = await self._database.read(lambda connection: kept_vectors.held_hashes(connection, name, size))
        missing = [name for name in wanted if name not in done]
        random.shuffle(missing)
        progress(len(wanted) - len(missing), len(wanted))
        for start in range(0, len(missing), self.embedder.batch):
            part = missing[start : start + self.embedder.batch]
            there = set() if again else (await self.held([wanted[name] for name in part])).keys()
            await self._make_part([wanted[name] for name in part if wanted[name] not in there])
            progress(len(wanted) - len(missing) + start + len(part), len(wanted))
        return len(missing)

    async def forget_unused(self, texts: Sequence[str]) -> None:
        """Forgets the vectors of texts that are not among `texts`."""
        wanted = {hash_of(text) for text in texts}

        def work(connection: Connection) -> None:
            strange = kept_vectors.held_hashes(connection, self.embedder.name) - wanted
            kept_vectors.forget(connection, self.embedder.name, strange)

        await self._database.write(work)

    async def close(self) -> None:
        """Lets go of the model; a call that is under way is not waited for."""
        self.embedder.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _make_part(self, texts: list[str]) -> None:
        if not texts:
            return
        try:
            rows = await asyncio.get_running_loop().run_in_executor(self._threads, self.embedder.embed, texts)
        except HuiyingError:
            self._rests_until = self._clock() + REST_S
            raise
        made = {hash_of(text): np.ascontiguousarray(row) for text, row in zip(texts, rows, strict=True)}
        await self._database.write(partial(kept_vectors.keep, embedder=self.embedder.name, vectors=made))
