"""The word index in PostgreSQL: a tsvector of our own tokens per entry, under a GIN index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, text

from retrieval.keyword_index import ANSWERS_WEIGHT, ASKS_WEIGHT, IndexedWords, strongest

_TABLES = (
    "CREATE TABLE IF NOT EXISTS entry_search (entry_id TEXT PRIMARY KEY, words TSVECTOR NOT NULL)",
    "CREATE INDEX IF NOT EXISTS entry_search_words ON entry_search USING GIN (words)",
)
_EXISTS = text("SELECT to_regclass('entry_search') IS NOT NULL")
#: Any constant that nobody else uses: two processes must not make the table at once.
_LOCK = text("SELECT pg_advisory_xact_lock(5216694956359446)")
_PUT = text(
    """INSERT INTO entry_search (entry_id, words) VALUES (:entry_id, CAST(:words AS tsvector))
    ON CONFLICT (entry_id) DO UPDATE SET words = excluded.words"""
)
_REMOVE = text("DELETE FROM entry_search WHERE entry_id = ANY(:entry_ids)")


class PostgresKeywordIndex:
    """See `KeywordIndex`."""

    def ensure(self, connection: Connection) -> bool:
        """See `KeywordIndex.ensure`."""
        if connection.scalar(_EXISTS):
            return False
        connection.execute(_LOCK)
        if connection.scalar(_EXISTS):
            return False
        for statement in _TABLES:
            connection.execute(text(statement))
        return True

    def put(self, connection: Connection, entries: Sequence[IndexedWords]) -> None:
        """See `KeywordIndex.put`."""
        if entries:
            connection.execute(_PUT, [{"entry_id": entry.entry_id, "words": _tsvector(entry)} for entry in entries])

    def remove(self, connection: Connection, entry_ids: Sequence[str]) -> None:
        """See `KeywordIndex.remove`."""
        if entry_ids:
            connection.execute(_REMOVE, {"entry_ids": list(entry_ids)})

    def clear(self, connection: Connection) -> None:
        """See `KeywordIndex.clear`."""
        connection.execute(text("DELETE FROM entry_search"))

    def search(self, connection: Connection, weights: Mapping[str, float], limit: int) -> list[str]:
        """See `KeywordIndex.search`.

        PostgreSQL's own ranks know nothing of how rare a word is; the weights do, so each word found adds its weight.
        """
        chosen = strongest(weights)
        if not chosen:
            return []
        values: dict[str, object] = {"most": limit, "any": " | ".join(_quoted(token) for token in chosen)}
        worth = []
        for number, token in enumerate(chosen):
            values |= {
                f"q{number}": f"{_quoted(token)}:A",
                f"a{number}": f"{_quoted(token)}:B",
                f"qw{number}": weights[token] * ASKS_WEIGHT,
                f"aw{number}": weights[token] * ANSWERS_WEIGHT,
            }
            for side in ("q", "a"):
                found = f"words @@ CAST(:{side}{number} AS tsquery)"
                worth.append(f"CASE WHEN {found} THEN CAST(:{side}w{number} AS float8) ELSE 0 END")
        statement = f"""SELECT entry_id FROM entry_search WHERE words @@ CAST(:any AS tsquery)
            ORDER BY {" + ".join(worth)} DESC, entry_id LIMIT :most"""  # noqa: S608
        return list(connection.scalars(text(statement), values))

    def count(self, connection: Connection) -> int:
        """See `KeywordIndex.count`."""
        return int(connection.scalar(text("SELECT count(*) FROM entry_search")) or 0)


def _tsvector(entry: IndexedWords) -> str:
    """Label A marks words of the questions, B those of the answer; places say nothing, each word needs just one."""
    asks, answers = set(entry.asks), set(entry.answers)
    return " ".join(f"{_quoted(token)}:{','.join(_places(token, asks, answers))}" for token in sorted(asks | answers))


def _places(token: str, asks: set[str], answers: set[str]) -> Iterable[str]:
    if token in asks:
        yield "1A"
    if token in answers:
        yield "2B"


def _quoted(token: str) -> str:
    """A token as a lexeme of tsvector and tsquery, taken literally."""
    escaped = token.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
