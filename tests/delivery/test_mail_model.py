"""Any interleaving of arrivals, claims, crashes, zombies and sends against a model: each answered once, in order.

The real functions run on a real database, one step at a time; Hypothesis chooses who does what next.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import create_engine, select
from sqlalchemy.pool import StaticPool

from channels.channel import Receipt
from conversation.codec import to_json
from conversation.messages import OutgoingMessage
from conversation.turn import DeskHours, SendRight
from delivery.outbox import Outbox, Parcel, Settlement
from delivery.send_verdict import Again, Sent
from delivery.terms import DeliveryTerms
from delivery.turn_commit import Committed, FinishedTurn, commit_turns
from delivery.turn_loading import LoadedLane, TurnLoader
from store.inbox_rows import NewRow, keep
from store.lane_rows import claim, waiting_lanes
from store.schema import METADATA, inbox, leases, messages, outbox, turns
from tests.delivery.doubles import StageChannel, StageDesk, echo, message

LANES = 2
TERMS = DeliveryTerms(turn_tries=10_000, idle_s=10**9, burst_limit=4, max_sends=10_000, give_up_sending_s=10**9)


class Mail(RuleBasedStateMachine):
    """`thinking` and `out` are what processes hold in memory: it is lost in a crash."""

    @initialize()
    def set_up(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        METADATA.create_all(self.engine)
        self.now = 1000.0
        self.put_ids: defaultdict[int, list[int]] = defaultdict(list)
        self.count = 0
        self.thinking: list[LoadedLane] = []
        self.out: list[tuple[Outbox, Parcel]] = []
        self.platform: dict[str, OutgoingMessage] = {}
        self.desk = StageDesk()
        self.loader = TurnLoader(
            self.desk, TERMS, desk_hours=lambda _: DeskHours(), send_right=lambda _: SendRight.AUTO
        )

    def work(self, function: Any) -> Any:
        with self.engine.begin() as connection:
            return function(connection)

    def put(self, lane: int, number: int) -> set[str]:
        item = message(number, f"{number}？", lane=lane, at=float(number))
        row = NewRow(item.key, item.lane, "message", to_json(item))
        fresh: set[str] = self.work(lambda connection: keep(connection, [row], self.now))
        return fresh

    @rule(lane=st.integers(1, LANES))
    def a_message_arrives(self, lane: int) -> None:
        self.count += 1
        assert self.put(lane, self.count)
        self.put_ids[lane].append(self.count)

    @precondition(lambda self: self.count)
    @rule(data=st.data())
    def the_platform_delivers_again(self, data: st.DataObject) -> None:
        lane = data.draw(st.sampled_from(sorted(self.put_ids)))
        assert not self.put(lane, data.draw(st.sampled_from(self.put_ids[lane])))

    @rule(wanted=st.integers(1, LANES), holder=st.sampled_from(["a", "b"]))
    def a_worker_claims(self, wanted: int, holder: str) -> None:
        def work(connection: Any) -> list[LoadedLane]:
            lanes = waiting_lanes(connection, now=self.now, wanted=wanted)
            until = self.now + 30
            epochs = claim(connection, lanes, holder=holder, now=self.now, until=until, wanted=wanted)
            return self.loader.load(connection, epochs, self.now, count_try=True) if epochs else []

        self.thinking += self.work(work)

    @precondition(lambda self: self.thinking)
    @rule(data=st.data(), patient=st.booleans())
    def workers_commit(self, data: st.DataObject, patient: bool) -> None:
        batch = data.draw(
            st.lists(st.sampled_from(self.thinking), min_size=1, max_size=3, unique_by=lambda one: one.lane)
        )
        finished = [FinishedTurn(one, one.turn, echo(one.turn), 0.0, takes_newer=patient) for one in batch if one.turn]
        verdicts = self.work(lambda connection: commit_turns(connection, finished, self.desk, self.now))
        for one, verdict in zip(batch, verdicts, strict=True):
            if not isinstance(verdict, Committed):
                assert patient or one.epoch < self.epoch_of(one.lane)
            self.thinking.remove(one)

    def epoch_of(self, lane: str) -> int:
        found: int = self.work(
            lambda connection: connection.execute(
                select(leases.c.epoch).where(leases.c.conversation_key == lane)
            ).scalar_one()
        )
        return found

    @rule(lane=st.integers(1, LANES))
    def a_message_is_answered_at_once(self, lane: int) -> None:
        before = list(self.thinking)
        self.a_message_arrives(lane)
        self.a_worker_claims(LANES, "quick")
        claimed = [one for one in self.thinking if one not in before and one.turn]
        finished = [FinishedTurn(one, one.turn, echo(one.turn), 0.0) for one in claimed if one.turn]
        verdicts = self.work(lambda connection: commit_turns(connection, finished, self.desk, self.now))
        assert all(isinstance(verdict, Committed) for verdict in verdicts)
        self.thinking = before

    @precondition(lambda self: self.thinking)
    @rule(lane=st.integers(1, LANES))
    def workers_stall_and_others_take_over(self, lane: int) -> None:
        """The stalled ones do not know: they may still try to commit."""
        self.now += 31
        self.a_message_arrives(lane)
        self.a_worker_claims(LANES, "heir")

    @precondition(lambda self: self.thinking)
    @rule(data=st.data())
    def a_worker_dies(self, data: st.DataObject) -> None:
        self.thinking.remove(data.draw(st.sampled_from(self.thinking)))

    @rule(holder=st.sampled_from(["s", "t"]), wanted=st.integers(1, 4))
    def a_sender_takes(self, holder: str, wanted: int) -> None:
        sender = Outbox({("stage", "main"): StageChannel()}, self.desk, holder=holder, lease_s=30)
        takings = self.work(lambda connection: sender.take(connection, self.now, wanted))
        self.out += [(sender, parcel) for parcel in takings.parcels]

    @precondition(lambda self: self.out)
    @rule(data=st.data(), arrives=st.booleans(), settles=st.booleans(), good=st.booleans())
    def a_send_ends(self, data: st.DataObject, arrives: bool, settles: bool, good: bool) -> None:
        """The message reaches the platform or not, and the sender lives to tell or not."""
        self.send_ends(
            *self.out.pop(data.draw(st.integers(0, len(self.out) - 1))), arrives=arrives, settles=settles, good=good
        )

    def send_ends(self, sender: Outbox, parcel: Parcel, *, arrives: bool, settles: bool, good: bool) -> None:
        if arrives or (settles and good):
            self.platform.setdefault(parcel.row.idempotency_key, parcel.message)
        if settles:
            verdict = Sent(Receipt("om")) if good else Again(self.now + 1, "busy")
            settlement = Settlement(parcel.row, verdict, self.now)
            self.work(lambda connection: sender.settle(connection, [settlement]))

    @rule(seconds=st.sampled_from([1, 31]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def nothing_is_answered_twice_or_out_of_order(self) -> None:
        rows = self.work(
            lambda connection: list(
                connection.execute(select(messages).where(messages.c.spoken_by == "customer").order_by(messages.c.id))
            )
        )
        told: defaultdict[str, list[int]] = defaultdict(list)
        for row in rows:
            told[row.sender_id].append(int(row.platform_message_id[1:]))
        for lane, numbers in self.put_ids.items():
            assert told[f"p{lane}"] == numbers[: len(told[f"p{lane}"])]

    @invariant()
    def the_platform_hears_each_room_in_order(self) -> None:
        for lane, numbers in self.put_ids.items():
            heard = self.heard(lane)
            assert heard == numbers[: len(heard)]

    def heard(self, lane: int) -> list[int]:
        texts = [one.text for one in self.platform.values() if one.room.chat_id == f"room{lane}"]
        return [int(part.strip("？")) for text in texts for part in text.removeprefix("答：").split("\n")]

    def teardown(self) -> None:
        """Whatever happened before: when everybody works again, everything is answered and sent."""
        self.thinking, self.out = [], []
        for _ in range(100 + self.count):
            if not self.work(unfinished):
                break
            self.now += 31
            self.a_worker_claims(LANES, "last")
            finished = [FinishedTurn(one, one.turn, echo(one.turn), 0.0) for one in self.thinking if one.turn]
            self.work(lambda connection, finished=finished: commit_turns(connection, finished, self.desk, self.now))
            self.thinking = []
            self.a_sender_takes("last", 9)
            while self.out:
                self.send_ends(*self.out.pop(), arrives=True, settles=True, good=True)
        for lane, numbers in self.put_ids.items():
            assert self.heard(lane) == numbers
        left = self.work(lambda connection: connection.execute(select(inbox).where(inbox.c.status != "done")).all())
        assert left == []
        assert len(self.platform) == self.work(lambda connection: len(connection.execute(select(turns)).all()))
        self.engine.dispose()


def unfinished(connection: Any) -> bool:
    waiting = select(inbox.c.id).where(inbox.c.status == "waiting").limit(1)
    unsent = select(outbox.c.id).where(outbox.c.status.in_(("queued", "sending"))).limit(1)
    return connection.execute(waiting).first() is not None or connection.execute(unsent).first() is not None


TestMail = Mail.TestCase
TestMail.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
