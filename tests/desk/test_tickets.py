"""A ticket is opened once per turn, numbered per day, and every word added to it counts once."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from conversation.identity import Speaker
from conversation.outcomes import TicketDraft, TicketNote, Urgency
from conversation.turn import KnownTicket, Line
from desk.tickets import apply_note, known_tickets, open_ticket
from store.database import Database
from store.schema import tickets
from tests.desk.conftest import CONVERSATION, open_conversation

NOW = 1_800_000_000.0
DRAFT = TicketDraft("repair", "杯子碎了", "客户收到的杯子是碎的", Urgency.NORMAL, ("售后",))


def opened(connection: Connection, turn_id: str) -> str:
    return open_ticket(
        connection,
        turn_id=turn_id,
        conversation_id=CONVERSATION,
        customer_id=f"cu_{CONVERSATION}",
        draft=DRAFT,
        excerpt=[Line(Speaker.CUSTOMER, "杯子碎了", NOW)],
        now=NOW,
    )


async def test_the_same_turn_never_opens_two_tickets(database: Database) -> None:
    def work(connection: Connection) -> list[str]:
        open_conversation(connection)
        return [opened(connection, "tn_1"), opened(connection, "tn_1"), opened(connection, "tn_2")]

    first, again, second = await database.write(work)
    assert first == again
    assert first.endswith("-0001")
    assert second.endswith("-0002")


async def test_numbers_go_on_after_the_ten_thousandth_ticket_of_a_day(database: Database) -> None:
    def work(connection: Connection) -> list[str]:
        open_conversation(connection)
        first = opened(connection, "tn_1")
        connection.execute(update(tickets).values(number=first.replace("-0001", "-9999")))
        return [opened(connection, "tn_2"), opened(connection, "tn_3")]

    assert [number.rsplit("-", 1)[1] for number in await database.write(work)] == ["10000", "10001"]


async def test_a_ticket_carries_what_was_said(database: Database) -> None:
    def work(connection: Connection) -> str:
        open_conversation(connection)
        opened(connection, "tn_1")
        return str(connection.execute(select(tickets.c.excerpt)).scalar_one())

    assert "杯子碎了" in await database.write(work)


async def test_a_note_counts_once_and_moves_the_status(database: Database) -> None:
    def work(connection: Connection) -> tuple[list[bool], tuple[KnownTicket, ...]]:
        open_conversation(connection)
        number = opened(connection, "tn_1")
        note = TicketNote(number, "不用处理了", close=True)
        taken = [apply_note(connection, note, turn_id="tn_2", actor="customer", now=NOW) for _ in range(2)]
        return taken, known_tickets(connection, f"cu_{CONVERSATION}")

    taken, known = await database.write(work)
    assert taken == [True, False]
    assert [(ticket.status, ticket.last_note) for ticket in known] == [("closed", "不用处理了")]


async def test_a_note_to_an_unknown_ticket_is_refused(database: Database) -> None:
    note = TicketNote("T-19700101-0001", "?")
    assert not await database.write(lambda c: apply_note(c, note, turn_id="tn_1", actor="bot", now=NOW))
