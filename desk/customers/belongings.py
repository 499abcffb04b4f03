"""What belongs to a customer: every row with a `customer_id`, and the home it goes back to when nothing is merged.

Read by merging. A row's home is what was recorded when it was first moved, else that of the identity it came from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Table, Text, and_, bindparam, cast, null, select, update

from conversation.codec import from_json
from conversation.identity import Person, Room, identity_id
from store.dialects import AnyRow
from store.schema import METADATA, conversations, customer_moves, identities

#: Tables keyed by a customer of their own: they tell about merging, so merging leaves them where they are.
NOT_MOVED = frozenset({"customer_profiles", "merged_customers"})
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Belonging:
    """A row of a customer. `recorded` is its home as it was once written down; `identity` and `conversation` are where
    the row came from, as far as it says so."""

    table: str
    key: Any
    customer_id: str
    recorded: str = ""
    identity: str = ""
    conversation: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """What names the row among all rows."""
        return self.table, str(self.key)


@dataclass(frozen=True, slots=True)
class Move:
    """A row that changes its customer, or (where both are the same) whose home is written down for later."""

    row: Belonging
    to_customer: str
    home: str


@cache
def followed() -> tuple[Table, ...]:
    """The tables whose rows go with their customer; identities first, then conversations, for others hang on them."""
    rest = [
        table
        for table in METADATA.sorted_tables
        if "customer_id" in table.c and table.name not in NOT_MOVED and table not in (identities, conversations)
    ]
    return identities, conversations, *rest


def key_of(table: Table) -> Column[Any]:
    """The one column that names a row of `table`."""
    (only,) = table.primary_key.columns
    return only


def load(connection: Connection, tree: Collection[str]) -> list[Belonging]:
    """Every row of the customers in `tree`, identities and conversations first."""
    found: list[Belonging] = []
    for table in followed():
        latest = {
            str(row.key): _belonging(table, row) for row in connection.execute(_rows_of(table), {"tree": sorted(tree)})
        }
        found.extend(latest.values())
    return found


@cache
def _rows_of(table: Table) -> Any:
    """Rows with each home ever recorded, the last one last."""
    key = key_of(table)
    recorded = and_(customer_moves.c.table_name == table.name, customer_moves.c.row_key == cast(key, Text))
    here = [
        key.label("key"),
        table.c.customer_id,
        customer_moves.c.home,
        _or_null(table, "identity_id"),
        _or_null(table, "conversation_id"),
        *((table.c.room, table.c.person) if table is conversations else ()),
    ]
    of_tree = table.c.customer_id.in_(bindparam("tree", expanding=True))
    query = select(*here).select_from(table.outerjoin(customer_moves, recorded)).where(of_tree)
    return query.order_by(key, customer_moves.c.id)


def _or_null(table: Table, name: str) -> Any:
    return table.c[name].label(name) if name in table.c else null().label(name)


def _belonging(table: Table, row: AnyRow) -> Belonging:
    identity = row.identity_id or ""
    if table is conversations:
        identity = identity_id(from_json(Room, row.room), from_json(Person, row.person))
    return Belonging(table.name, row.key, row.customer_id, row.home or "", identity, row.conversation_id or "")


def homes(rows: Iterable[Belonging], tree: Collection[str]) -> dict[tuple[str, str], str]:
    """The home of each row, always one of `tree`; `rows` as `load` gives them, all of customers in `tree`.

    A home outside the tree says that somebody moved the row by hand since: then it belongs where it is.
    """
    found: dict[tuple[str, str], str] = {}
    for row in rows:
        found[row.place] = next((home for home in _candidates(row, found) if home in tree), row.customer_id)
    return found


def _candidates(row: Belonging, found: Mapping[tuple[str, str], str]) -> Sequence[str]:
    by_identity = found.get((identities.name, row.identity), "")
    by_conversation = found.get((conversations.name, row.conversation), "")
    return row.recorded, by_identity, by_conversation


def move(connection: Connection, merge_id: int, moves: Sequence[Move]) -> None:
    """Carries `moves` out and writes them down under the event `merge_id`."""
    if not moves:
        return
    tables = {table.name: table for table in followed()}
    keys: dict[tuple[str, str], list[Any]] = {}
    for one in moves:
        if one.to_customer != one.row.customer_id:
            keys.setdefault((one.row.table, one.to_customer), []).append(one.row.key)
    for (name, customer), listed in keys.items():
        table = tables[name]
        for start in range(0, len(listed), _CHUNK):
            these = key_of(table).in_(listed[start : start + _CHUNK])
            connection.execute(update(table).where(these).values(customer_id=customer))
    connection.execute(customer_moves.insert(), [_move_row(merge_id, one) for one in moves])


def _move_row(merge_id: int, one: Move) -> dict[str, object]:
    table, key = one.row.place
    return {
        "merge_id": merge_id,
        "table_name": table,
        "row_key": key,
        "from_customer": one.row.customer_id,
        "to_customer": one.to_customer,
        "home": one.home,
    }
