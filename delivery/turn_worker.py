"""Answers one lane under its lease: thinks at once, takes newer words in, waits for a quiet moment, commits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import structlog
from sqlalchemy import Connection

from conversation.errors import HuiyingError, LeaseLost, RetryLater, Superseded
from conversation.outcomes import TurnResult, reply_of
from conversation.turn import Turn
from delivery.aside import give_up_aside, settle_aside
from delivery.dead_letter import Apology, bury, dead_letter, honest_line
from delivery.effects import Effects
from delivery.guard import caught
from delivery.quiet_hold import hold_until
from delivery.retry_policy import backoff
from delivery.shared_write import SharedWrite
from delivery.terms import DeliveryTerms
from delivery.turn_commit import Committed, FinishedTurn, commit_turns
from delivery.turn_loading import LoadedLane, TurnLoader
from store.database import Database
from store.lane_rows import release_own, start_afresh, try_later, uncount_try

logger = structlog.get_logger(__name__)

Think = Callable[[Turn], Awaitable[TurnResult]]
Sleep = Callable[[float], Awaitable[None]]

NOTHING = Committed()


class ThinkingFailed(HuiyingError):
    """The thinker raised, or took too long: try the turn again, then give it to a person."""


class LaneRun:
    """One lane being answered; whoever hears of newer words calls `newer_words`."""

    def __init__(self, loaded: LoadedLane, restarts_left: int) -> None:
        self.loaded = loaded
        self.restarts_left = restarts_left
        self.newer = False
        self._phase: asyncio.Task[Any] | None = None

    @property
    def thinking(self) -> bool:
        """True while the turn may still be stopped without any trace."""
        return self._phase is not None

    def newer_words(self) -> None:
        """Stops the running thought, if it may still be stopped; the words are found in the lane."""
        self.newer = True
        if self._phase is not None and self.restarts_left > 0:
            self._phase.cancel()

    async def unless_newer(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of `work`. Raises `Superseded` when newer words stopped it, or came before it began."""
        if self.newer and self.restarts_left > 0:
            work.close()
            raise Superseded(f"newer words arrived in lane {self.loaded.lane}")
        phase = self._phase = asyncio.create_task(work)
        try:
            await asyncio.wait([phase])
        except asyncio.CancelledError:
            phase.cancel()
            await asyncio.wait([phase])
            raise
        finally:
            self._phase = None
        if phase.cancelled() and not self.newer:
            raise ThinkingFailed("the thought was cancelled from within")
        if phase.cancelled():
            raise Superseded(f"newer words arrived in lane {self.loaded.lane}")
        return phase.result()


class TurnWorker:
    """Answers lanes; one worker serves any number of them at once."""

    def __init__(
        self,
        database: Database,
        loader: TurnLoader,
        think: Think,
        effects: Effects,
        terms: DeliveryTerms,
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
        apology: Apology = honest_line,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._database = database
        self._loader = loader
        self._think = think
        self._effects = effects
        self._terms = terms
        self._apology = apology
        self._clock = clock
        self._chance = chance
        self._sleep = sleep
        self._commits: SharedWrite[FinishedTurn, Committed | LeaseLost | Superseded] = SharedWrite(self._commit_batch)

    def start(self, loaded: LoadedLane) -> LaneRun:
        """The run of a lane that was just claimed, to be passed to `answer`."""
        return LaneRun(loaded, self._terms.restarts)

    async def answer(self, run: LaneRun) -> Committed:
        """Answers what waits in the lane; says what is left to do. Never raises but for cancellation."""
        outcome = await caught(self._answer(run))
        if not isinstance(outcome, Exception):
            return outcome
        ids = {"lane": run.loaded.lane, "turn_id": run.loaded.turn.turn_id if run.loaded.turn else ""}
        if isinstance(outcome, LeaseLost):
            logger.warning("turn.lease_lost", **ids)
            return NOTHING
        logger.error("turn.failed", **ids, tries=run.loaded.tries, error=repr(outcome))
        failure = await caught(self._after_failure(run.loaded, outcome))
        if isinstance(failure, Exception):
            # Nothing could be written: the lease expires by itself and the rows are claimed again.
            logger.error("turn.failure_not_recorded", **ids, error=repr(failure))
            return NOTHING
        return failure

    async def give_back(self, loaded: LoadedLane) -> None:
        """Releases a lane whose turn was stopped by us; the try does not count."""

        def work(connection: Connection) -> None:
            if release_own(connection, loaded.lane, loaded.epoch):
                uncount_try(connection, loaded.lane)

        await self._database.write(work)

    async def _answer(self, run: LaneRun) -> Committed:
        started = self._clock()
        if run.loaded.turn is None or run.loaded.aside:
            await self._reload(run)
        while (turn := run.loaded.turn) is not None:
            if run.loaded.tries > self._terms.turn_tries:
                return await self._give_to_a_person(run.loaded, turn, "its worker died each time")
            try:
                result = await run.unless_newer(self._thought(turn))
                if reply_of(result.outcome):
                    await run.unless_newer(self._hold(run.loaded))
                finished = FinishedTurn(
                    run.loaded, turn, result, self._clock() - started, takes_newer=run.restarts_left > 0
                )
                return await self._commit(finished)
            except Superseded as news:
                logger.info("turn.superseded", turn_id=turn.turn_id, why=str(news))
                run.restarts_left = max(0, run.restarts_left - 1)
                await self._reload(run)
        return Committed(said=True)

    async def _reload(self, run: LaneRun) -> None:
        """Looks at the lane again: what needs no thought is done at once, the rest becomes the turn."""
        lane, epoch = run.loaded.lane, run.loaded.epoch
        run.newer = False

        def work(connection: Connection) -> LoadedLane:
            now = self._clock()
            found = self._loader.load(connection, {lane: epoch}, now, count_try=False)
            while found and found[0].aside:
                settle_aside(connection, found[0], self._effects, now)
                found = self._loader.load(connection, {lane: epoch}, now, count_try=False)
            return found[0] if found else LoadedLane(lane, epoch)

        run.loaded = await self._database.write(work)

    async def _thought(self, turn: Turn) -> TurnResult:
        try:
            async with asyncio.timeout(self._terms.think_limit_s):
                thought = await caught(self._think(turn))
        except TimeoutError as error:
            raise ThinkingFailed(f"no result within {self._terms.think_limit_s:.0f} s") from error
        if isinstance(thought, Exception):
            raise ThinkingFailed(f"the thinker raised {thought!r}") from thought
        return thought

    async def _hold(self, loaded: LoadedLane) -> None:
        if loaded.turn is None:
            return
        until = hold_until(loaded.turn.burst, loaded.arrived_at, quiet_s=self._terms.quiet_s, cap_s=self._terms.cap_s)
        if until is not None and (wait := until - self._clock()) > 0:
            await self._sleep(wait)

    async def _commit(self, finished: FinishedTurn) -> Committed:
        verdict = await self._commits.add(finished)
        if isinstance(verdict, Committed):
            return verdict
        raise verdict

    async def _commit_batch(self, batch: Sequence[FinishedTurn]) -> list[Committed | LeaseLost | Superseded]:
        return await self._database.write(
            lambda connection: commit_turns(connection, batch, self._effects, self._clock())
        )

    async def _after_failure(self, loaded: LoadedLane, error: Exception) -> Committed:
        if isinstance(error, RetryLater):
            # The database was gone, which is no fault of the turn.
            await self.give_back(loaded)
            return NOTHING
        if loaded.tries < self._terms.turn_tries:
            await self._later(loaded, error)
            return NOTHING
        if loaded.turn is None or loaded.aside:
            await self._give_up_aside(loaded, error)
            return Committed(more=True)
        return await self._give_to_a_person(loaded, loaded.turn, repr(error))

    async def _later(self, loaded: LoadedLane, error: Exception) -> None:
        def work(connection: Connection) -> None:
            if release_own(connection, loaded.lane, loaded.epoch):
                due = self._clock() + backoff(loaded.tries, self._chance())
                try_later(connection, loaded.lane, not_before=due, error=repr(error)[:500])

        await self._database.write(work)

    async def _give_up_aside(self, loaded: LoadedLane, error: Exception) -> None:
        def work(connection: Connection) -> None:
            if release_own(connection, loaded.lane, loaded.epoch):
                give_up_aside(connection, loaded.aside, repr(error)[:500])
                start_afresh(connection, [loaded.lane])

        await self._database.write(work)

    async def _give_to_a_person(self, loaded: LoadedLane, turn: Turn, why: str) -> Committed:
        now = self._clock
        finished = dead_letter(loaded, turn, self._apology(turn), why)
        outcome = await caught(self._commit(finished))
        if not isinstance(outcome, Exception):
            return outcome
        if isinstance(outcome, LeaseLost | RetryLater | Superseded):
            raise outcome
        logger.error("turn.dead_letter_reduced", turn_id=turn.turn_id, error=repr(outcome))
        return await self._database.write(lambda connection: bury(connection, finished, self._effects, now()))
