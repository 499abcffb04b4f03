"""Taking over silences the bot at once; two who reach for the same conversation are told the truth."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Connection, create_engine, select

from desk import audit, ownership
from desk.ownership import Change
from store.database import Database
from store.schema import METADATA, conversations, handoffs, messages, outbox
from tests.desk.conftest import CONVERSATION, LI, ZHOU, open_case, open_conversation, queue_bot_line

NOW = 1_800_000_100.0


def status_of(connection: Connection, key: str) -> tuple[str, str]:
    row = connection.execute(select(outbox.c.status).where(outbox.c.idempotency_key == key)).scalar_one()
    line = connection.execute(select(messages.c.status).where(messages.c.idempotency_key == key)).scalar_one()
    return row, line


async def test_taking_over_cancels_what_the_bot_still_had_to_say(database: Database) -> None:
    def work(connection: Connection) -> tuple[ownership.Ownership, tuple[str, str]]:
        open_conversation(connection)
        queue_bot_line(connection, "k1")
        return ownership.take_over(connection, CONVERSATION, LI, NOW), status_of(connection, "k1")

    owner, status = await database.write(work)
    assert (owner.change, owner.owner_id, owner.epoch) == (Change.DONE, "ou_li", 1)
    assert status == ("cancelled", "cancelled")


async def test_the_second_to_reach_is_told_who_has_it(database: Database) -> None:
    def work(connection: Connection) -> list[ownership.Ownership]:
        open_conversation(connection)
        return [ownership.take_over(connection, CONVERSATION, who, NOW) for who in (LI, ZHOU, LI)]

    first, second, again = await database.write(work)
    assert first.change is Change.DONE
    assert (second.change, second.owner_name) == (Change.TAKEN_BY_OTHER, "小李")
    assert again.change is Change.ALREADY_YOURS
    assert again.epoch == 1


async def test_only_the_owner_gives_a_conversation_back(database: Database) -> None:
    def work(connection: Connection) -> list[Change]:
        open_conversation(connection)
        open_case(connection)
        ownership.take_over(connection, CONVERSATION, LI, NOW)
        return [
            ownership.give_back(connection, CONVERSATION, ZHOU, NOW).change,
            ownership.give_back(connection, CONVERSATION, LI, NOW).change,
            ownership.give_back(connection, CONVERSATION, LI, NOW).change,
        ]

    assert await database.write(work) == [Change.TAKEN_BY_OTHER, Change.DONE, Change.NOT_OWNED]
    states = await database.read(lambda c: c.execute(select(handoffs.c.status, handoffs.c.staff_name)).one())
    assert tuple(states) == ("returned", "小李")


async def test_an_unknown_conversation_is_said_to_be_gone(database: Database) -> None:
    assert (await database.write(lambda c: ownership.take_over(c, "cv_none", LI, NOW))).change is Change.GONE


async def test_every_change_of_owner_is_in_the_audit_log_which_shows_tampering(database: Database) -> None:
    def work(connection: Connection) -> tuple[int | None, int | None]:
        open_conversation(connection)
        ownership.take_over(connection, CONVERSATION, LI, NOW)
        ownership.resolve(connection, CONVERSATION, LI, NOW)
        sound = audit.broken_at(connection)
        from store.schema import audit as log

        connection.execute(log.update().where(log.c.action == "conversation.with_staff").values(actor="nobody"))
        return sound, audit.broken_at(connection)

    sound, broken = await database.write(work)
    assert sound is None
    assert broken is not None


class Desk(RuleBasedStateMachine):
    """Any order of wishes: the epoch grows with each change of owner, and no old bot line stays queued."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = create_engine("sqlite://")
        METADATA.create_all(self.engine)
        self.connection = self.engine.connect()
        open_conversation(self.connection)
        self.owner, self.epoch, self.lines = "bot", 0, 0

    def teardown(self) -> None:
        self.connection.close()
        self.engine.dispose()

    @rule()
    def bot_speaks(self) -> None:
        if self.owner == "bot":
            self.lines += 1
            queue_bot_line(self.connection, f"line-{self.lines}", epoch=self.epoch)

    @rule(who=st.sampled_from([LI, ZHOU]))
    def take_over(self, who: ownership.Person) -> None:
        result = ownership.take_over(self.connection, CONVERSATION, who, NOW)
        if self.owner == "bot":
            assert result.change is Change.DONE
            self.owner, self.epoch = who.person_id, self.epoch + 1
        else:
            assert result.change in (Change.ALREADY_YOURS, Change.TAKEN_BY_OTHER)
        assert result.owner_id == self.owner

    @rule(who=st.sampled_from([LI, ZHOU]), solved=st.booleans())
    def let_go(self, who: ownership.Person, solved: bool) -> None:
        wish = ownership.resolve if solved else ownership.give_back
        result = wish(self.connection, CONVERSATION, who, NOW)
        if result.change is Change.DONE:
            assert self.owner in ("bot", who.person_id)
            self.owner, self.epoch = "bot", self.epoch + 1

    @invariant()
    def the_epoch_is_the_number_of_changes(self) -> None:
        row = self.connection.execute(select(conversations.c.owner, conversations.c.owner_epoch)).one()
        assert tuple(row) == (self.owner, self.epoch)

    @invariant()
    def no_line_of_an_older_epoch_waits(self) -> None:
        old = select(outbox.c.id).where(outbox.c.status == "queued", outbox.c.owner_epoch < self.epoch)
        assert self.connection.execute(old).first() is None


TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
