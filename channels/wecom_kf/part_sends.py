"""How far each send got: the platform refuses a msgid that it knows with an error, and names no code for that.

So we remember which tries have no answer: their repeat may be refused because the first one arrived. Plain functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update

from store.dialects import upsert
from store.schema import part_sends as table

#: Refusals that say why: they are about the chat, the rights or the content, never about a msgid that is known.
#: https://developer.work.weixin.qq.com/document/path/90313; 0 is a refusal without a code.
EXPLAINED = frozenset(
    {0, 40003, 40007, 40008, 40013, 40096, 45002, 48001, 48002, 48007, 60011, 60020, 60030}
    | {95000, 95001, 95002, 95004, 95008, 95009, 95011, 95012, 95013, 95017, 95018}
)


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` parts are out; `uncertain` says that the next one may be out too."""

    done: int = 0
    uncertain: bool = False


_NEW = upsert(table, lambda insert: insert.on_conflict_do_nothing().returning(table.c.send_key))
_KNOWN = select(table.c.done, table.c.uncertain).where(table.c.send_key == bindparam("wanted"))
_NOTE = (
    update(table)
    .where(table.c.send_key == bindparam("wanted"))
    .values(done=bindparam("parts"), uncertain=bindparam("doubt"))
)


def begin(connection: Connection, key: str, now: float) -> Progress:
    """How far the send under `key` got before; from now on its next part counts as uncertain."""
    row = {"send_key": key, "uncertain": True, "at": now}
    if connection.execute(_NEW.on(connection), row).first() is not None:
        return Progress()
    known = connection.execute(_KNOWN, {"wanted": key}).one()
    note(connection, key, Progress(known.done, True))
    return Progress(known.done, bool(known.uncertain))


def note(connection: Connection, key: str, progress: Progress) -> None:
    """Keeps how far the send got."""
    connection.execute(_NOTE, {"wanted": key, "parts": progress.done, "doubt": progress.uncertain})


def forget(connection: Connection, *, before: float) -> int:
    """Forgets the sends begun before a moment (Unix seconds); gives how many."""
    return connection.execute(delete(table).where(table.c.at < before)).rowcount
