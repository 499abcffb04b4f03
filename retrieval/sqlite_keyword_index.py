"""The word index in SQLite: FTS5 over our own tokens, in the same file as the entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from retrieval.keyword_index import ANSWERS_WEIGHT, ASKS_WEIGHT, IndexedWords, strongest

# FTS5 must take our tokens as they are: joined by blanks, with the signs that occur inside Latin words.
# https://www.sqlite.org/fts5.html#unicode61_tokenizer
_TABLES = (
    """CREATE VIRTUAL TABLE entry_search USING fts5(
        asks, answers, tokenize = "unicode61 remove_diacritics 0 tokenchars '._-/+#'")""",
    "CREATE TABLE entry_search_rows (row INTEGER PRIMARY KEY, entry_id TEXT NOT NULL UNIQUE)",
)
_EXISTS = text("SELECT count(*) FROM sqlite_master WHERE name = 'entry_search'")
_FORGET = (
    text("DELETE FROM entry_search WHERE rowid IN (SELECT row FROM entry_search_rows WHERE entry_id = :entry_id)"),
    text("DELETE FROM entry_search_rows WHERE entry_id = :entry_id"),
)
_NUMBER = text("INSERT INTO entry_search_rows (entry_id) VALUES (:entry_id) RETURNING row")
_PUT = text("INSERT INTO entry_search (rowid, asks, answers) VALUES (:row, :asks, :answers)")
_SEARCH = text(
    """SELECT entry_id FROM entry_search JOIN entry_search_rows ON row = entry_search.rowid
    WHERE entry_search MATCH :words ORDER BY bm25(entry_search, :asks, :answers), row LIMIT :most"""
)


class SqliteKeywordIndex:
    """See `KeywordIndex`."""

    def ensure(self, connection: Connection) -> bool:
        """See `KeywordIndex.ensure`."""
        if connection.scalar(_EXISTS):
            return False
        for statement in _TABLES:
            connection.exec_driver_sql(statement)
        return True

    def put(self, connection: Connection, entries: Sequence[IndexedWords]) -> None:
        """See `KeywordIndex.put`."""
        self.remove(connection, [entry.entry_id for entry in entries])
        for entry in entries:
            row = connection.scalar(_NUMBER, {"entry_id": entry.entry_id})
            values = {"row": row, "asks": " ".join(entry.asks), "answers": " ".join(entry.answers)}
            connection.execute(_PUT, values)

    def remove(self, connection: Connection, entry_ids: Sequence[str]) -> None:
        """See `KeywordIndex.remove`."""
        if not entry_ids:
            return
        for statement in _FORGET:
            connection.execute(statement, [{"entry_id": entry_id} for entry_id in entry_ids])

    def clear(self, connection: Connection) -> None:
        """See `KeywordIndex.clear`."""
        for table in ("entry_search", "entry_search_rows"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608

    def search(self, connection: Connection, weights: Mapping[str, float], limit: int) -> list[str]:
        """See `KeywordIndex.search`."""
        words = " OR ".join(f'"{token}"' for token in strongest(weights))
        if not words:
            return []
        values = {"words": words, "asks": ASKS_WEIGHT, "answers": ANSWERS_WEIGHT, "most": limit}
        return list(connection.scalars(_SEARCH, values))

    def count(self, connection: Connection) -> int:
        """See `KeywordIndex.count`."""
        return int(connection.scalar(text("SELECT count(*) FROM entry_search_rows")) or 0)
