"""Plays lines through the doubles as people and the network would: out of step, twice, unacknowledged, hours late."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from evals.replay.ladder import LATE_S, SOON_S, Fate, FaultLadder
from evals.replay.traffic import Line, scenes
from evals.rig.beside import Scene
from evals.rig.quiet import leap, until_quiet

#: So many redeliveries are on their way at the same time.
AT_ONCE = 16


@dataclass(slots=True)
class Player:
    """One play. `fates` counts what was done to messages, `unsettled` the waits that ran out before it was quiet."""

    scene: Scene
    ladder: FaultLadder
    fates: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unsettled: int = 0
    _said: dict[int, tuple[Line, str]] = field(default_factory=dict)

    async def play(self, lines: list[Line]) -> None:
        """Everything from the first line to the last rung of the ladder."""
        self.ladder.arm(self.scene.platforms.faults)
        before, spent_s = 0.0, sum(SOON_S)
        for act in scenes(lines):
            first = len(self._said)
            if first:
                await leap(self.scene, act[0].t - before - spent_s)
            before = act[-1].t
            await self._act(list(enumerate(act, start=first)))
            await self._settle()
            await self._climb(SOON_S, range(first, len(self._said)))
        await self._climb(LATE_S, range(len(self._said)))

    async def _act(self, act: list[tuple[int, Line]]) -> None:
        """People speak at the same time, each in their own order."""
        people: dict[tuple[str, str, str], list[tuple[int, Line]]] = defaultdict(list)
        for number, line in act:
            people[line.person].append((number, line))
        await asyncio.gather(*(self._speak(own) for own in self.ladder.shuffled(list(people.values()))))

    async def _speak(self, own: list[tuple[int, Line]]) -> None:
        for number, line in own:
            fate = self.ladder.fate(number)
            self.fates[fate.value] += 1
            if fate is Fate.TWICE:
                message_id = await self._say_twice(line)
            else:
                message_id = await self._say(line, lose_ack=fate is Fate.ACK_LOST)
            self._said[number] = (line, message_id)

    async def _say(self, line: Line, *, lose_ack: bool = False) -> str:
        platforms = self.scene.platforms
        if lose_ack:
            # The double takes its fault before it first suspends, so this one cannot hit another webhook.
            platforms.faults.next("webhook", drop=True)
        if line.platform == "wecom":
            return await platforms.wecom.say(
                chat_id=line.chat_id or None,
                user_id=line.sender,
                user_name=line.name,
                text=line.text,
                mention_bot=line.mention,
            )
        return await platforms.feishu.say(
            chat_id=line.chat_id or f"oc_p2p_{line.sender}",
            user_open_id=line.sender,
            user_name=line.name,
            text=line.text,
            chat_type="group" if line.chat_id else "p2p",
            mention_bot=line.mention,
        )

    async def _say_twice(self, line: Line) -> str:
        first = asyncio.create_task(self._say(line))
        # One turn of the loop: the double has shown the line and is posting it.
        await asyncio.sleep(0)
        shown = next(one for one in reversed(self.scene.platforms.ledger.messages) if one.sender == line.sender)
        if not shown.extra.get("undelivered"):
            await self._redeliver(line, shown.message_id)
        return await first

    async def _redeliver(self, line: Line, message_id: str) -> None:
        if line.platform == "wecom":
            await self.scene.platforms.wecom.redeliver(message_id)
        else:
            await self.scene.platforms.feishu.redeliver(message_id)

    async def _climb(self, rungs_s: tuple[float, ...], numbers: range) -> None:
        for rung_s in rungs_s:
            await leap(self.scene, rung_s)
            await self.scene.platforms.feishu.advance_redeliveries()
            again = [self._said[number] for number in numbers if self._comes_again(number, rung_s)]
            self.fates[f"redelivered at +{rung_s:.0f} s"] += len(again)
            for start in range(0, len(again), AT_ONCE):
                await asyncio.gather(*(self._redeliver(*one) for one in again[start : start + AT_ONCE]))
            await self._settle()

    def _comes_again(self, number: int, rung_s: float) -> bool:
        """What the platform knows no acknowledgement of, and some of the rest. Feishu's double owes its own itself."""
        line, message_id = self._said[number]
        if self.scene.platforms.ledger.message(message_id).extra.get("undelivered"):
            return False
        owed = line.platform == "wecom" and not self._acknowledged(message_id)
        return owed or self.ladder.comes_again(number, rung_s)

    def _acknowledged(self, message_id: str) -> bool:
        deliveries = self.scene.platforms.ledger.deliveries
        return any(one.key == message_id and one.outcome == "answered" for one in deliveries)

    async def _settle(self) -> None:
        self.unsettled += not await until_quiet(self.scene)
