"""Vectors that cost time or money to make, kept in SQL by the hash of their text: made once for all processes.

The table holds nothing that could not be made again, so it is no part of the schema: who needs it makes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from retrieval.embedder import Vectors

#: Parameters per statement stay below SQLite's limit.
BATCH = 500
#: Any constant that nobody else uses: two processes must not make the table at once.
_LOCK = text("SELECT pg_advisory_xact_lock(5216694956359447)")

_kept = Table(
    "kept_vectors",
    MetaData(),
    Column("embedder", String, primary_key=True),
    Column("text_hash", String(32), primary_key=True),
    Column("dimensions", Integer, nullable=False),
    Column("vector", LargeBinary, nullable=False),
)


def hash_of(text: str) -> str:
    """The name under which the vector of `text` is kept."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def exists(connection: Connection) -> bool:
    """True when the table was ever made."""
    return bool(inspect(connection).has_table(_kept.name))


def ensure(connection: Connection) -> None:
    """Makes the table where there is none."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)
    _kept.create(connection, checkfirst=True)


def dimensions_of(connection: Connection, embedder: str) -> int:
    """How many numbers (most of) the vectors of `embedder` have; 0 when none is kept."""
    sizes = select(_kept.c.dimensions).where(_kept.c.embedder == embedder).group_by(_kept.c.dimensions)
    return int(connection.scalar(sizes.order_by(func.count().desc()).limit(1)) or 0)


def held(connection: Connection, embedder: str, hashes: Collection[str]) -> dict[str, Vectors]:
    """The vectors kept under `hashes`; those that are missing are left out."""
    found: dict[str, Vectors] = {}
    for part in _parts(list(hashes)):
        wanted = select(_kept.c.text_hash, _kept.c.vector).where(
            _kept.c.embedder == embedder, _kept.c.text_hash.in_(part)
        )
        found.update((name, np.frombuffer(vector, np.float32)) for name, vector in connection.execute(wanted))
    return found


def held_hashes(connection: Connection, embedder: str, dimensions: int | None = None) -> set[str]:
    """The hashes of all texts whose vectors (of that many numbers) are kept."""
    wanted = select(_kept.c.text_hash).where(_kept.c.embedder == embedder)
    if dimensions is not None:
        wanted = wanted.where(_kept.c.dimensions == dimensions)
    return set(connection.scalars(wanted))


def keep(connection: Connection, embedder: str, vectors: Mapping[str, Vectors]) -> None:
    """Keeps vectors by the hash of their text, in place of what was kept."""
    rows = [
        {"embedder": embedder, "text_hash": name, "dimensions": len(vector), "vector": vector.tobytes()}
        for name, vector in vectors.items()
    ]
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(_kept)
    replaced = {"dimensions": new.excluded.dimensions, "vector": new.excluded.vector}
    connection.execute(
        new.on_conflict_do_update(index_elements=[_kept.c.embedder, _kept.c.text_hash], set_=replaced), rows
    )


def other_embedders(connection: Connection, embedder: str) -> list[str]:
    """The embedders besides `embedder` of which vectors are kept."""
    return sorted(connection.scalars(select(_kept.c.embedder).where(_kept.c.embedder != embedder).distinct()))


def forget_embedders(connection: Connection, embedders: Sequence[str]) -> None:
    """Forgets every vector of `embedders`."""
    connection.execute(delete(_kept).where(_kept.c.embedder.in_(embedders)))


def forget(connection: Connection, embedder: str, hashes: Collection[str]) -> None:
    """Forgets the vectors of some texts."""
    for part in _parts(list(hashes)):
        connection.execute(delete(_kept).where(_kept.c.embedder == embedder, _kept.c.text_hash.in_(part)))


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), BATCH):
        yield names[start : start + BATCH]
