"""Who is part of whom: merged customers as a forest whose roots are the customers that staff see."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Text, and_, bindparam, cast, func, literal_column, or_, select

from store.schema import customer_merges, merged_customers

_START = cast(bindparam("customer"), Text).label("id")
_up = select(_START, literal_column("0").label("depth")).cte("up", recursive=True)
_up = _up.union_all(
    select(merged_customers.c.into_id, _up.c.depth + 1).join(_up, merged_customers.c.customer_id == _up.c.id)
)
_ROOT = select(_up.c.id).order_by(_up.c.depth.desc()).limit(1)
_down = select(_START).cte("down", recursive=True)
_down = _down.union_all(select(merged_customers.c.customer_id).join(_down, merged_customers.c.into_id == _down.c.id))
_TREE = select(_down.c.id)

_undone = customer_merges.alias("undone")
_APART = (
    select(customer_merges.c.id)
    .join(_undone, _undone.c.id == customer_merges.c.undoes)
    .where(
        or_(
            and_(
                _undone.c.survivor_id.in_(bindparam("ones", expanding=True)),
                _undone.c.absorbed_id.in_(bindparam("others", expanding=True)),
            ),
            and_(
                _undone.c.survivor_id.in_(bindparam("others", expanding=True)),
                _undone.c.absorbed_id.in_(bindparam("ones", expanding=True)),
            ),
        )
    )
    .limit(1)
)


def current(connection: Connection, customer_id: str) -> str:
    """The customer that `customer_id` is part of now; itself when it was never merged."""
    return str(connection.execute(_ROOT, {"customer": customer_id}).scalar_one())


def tree(connection: Connection, customer_id: str) -> frozenset[str]:
    """`customer_id` and every customer that was merged into it, over any number of steps."""
    return frozenset(connection.execute(_TREE, {"customer": customer_id}).scalars())


def kept_apart(connection: Connection, one: Collection[str], other: Collection[str]) -> bool:
    """True where a person undid a merge of somebody in `one` with somebody in `other`: only a person may redo it."""
    asked = {"ones": sorted(one), "others": sorted(other)}
    return connection.execute(_APART, asked).first() is not None


def lock(connection: Connection) -> None:
    """Lets one transaction at a time change who is part of whom, until it ends. May be called again inside."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("customers"))))
