"""The contract of the word index, kept by SQLite's and PostgreSQL's alike."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from retrieval.keyword_index import KeywordIndex, indexed_words
from retrieval.tokens import query_words, tokens
from store.database import Database
from store.knowledge_rows import EntryWords, KnowledgeEntry
from tests.retrieval.conftest import entries


@pytest.fixture
async def filled(database: Database, keyword_index: KeywordIndex) -> KeywordIndex:
    await database.write(keyword_index.ensure)
    await database.write(lambda c: keyword_index.put(c, [indexed_words(entry) for entry in entries()]))
    return keyword_index


async def found(database: Database, index: KeywordIndex, question: str, limit: int = 5) -> list[str]:
    return await database.read(lambda c: index.search(c, query_words(question).asking, limit))


async def test_the_tables_are_made_once(database: Database, keyword_index: KeywordIndex) -> None:
    assert await database.write(keyword_index.ensure) is True
    assert await database.write(keyword_index.ensure) is False


async def test_the_entry_with_most_of_the_words_comes_first(database: Database, filled: KeywordIndex) -> None:
    assert (await found(database, filled, "怎么申请退款"))[0] == "refund"
    assert (await found(database, filled, "电子发票"))[0] == "invoice"


async def test_similar_questions_are_searched_too(database: Database, filled: KeywordIndex) -> None:
    assert (await found(database, filled, "几点下班"))[0] == "hours"


async def test_a_single_character_finds_something(database: Database, filled: KeywordIndex) -> None:
    assert "refund" in await found(database, filled, "退")


@pytest.mark.parametrize("question", ["C++", "E-1001", "docs/sdk.md"])
async def test_words_with_signs_are_found_as_they_are(database: Database, filled: KeywordIndex, question: str) -> None:
    assert (await found(database, filled, question))[0] == "c++"


@pytest.mark.parametrize("question", ["", "😂", '"', "'", "\\", "a' OR 'b", '") OR ("', "NEAR(退 款)", "退*", ":A"])
async def test_no_question_breaks_the_query(database: Database, filled: KeywordIndex, question: str) -> None:
    assert set(await found(database, filled, question)) <= {entry.entry_id for entry in entries()}


async def test_the_limit_is_kept(database: Database, filled: KeywordIndex) -> None:
    assert len(await found(database, filled, "怎么申请退款 怎么开发票 几点", limit=2)) == 2


async def test_putting_again_replaces_the_words(database: Database, filled: KeywordIndex) -> None:
    changed = KnowledgeEntry("refund", 2, EntryWords("怎么换货？", "联系客服换货。"))
    await database.write(lambda c: filled.put(c, [indexed_words(changed)]))
    assert (await found(database, filled, "换货"))[0] == "refund"
    assert "refund" not in await found(database, filled, "退款")
    assert await database.read(filled.count) == len(entries())


async def test_what_was_removed_is_not_found(database: Database, filled: KeywordIndex) -> None:
    await database.write(lambda c: filled.remove(c, ["refund", "never-there"]))
    assert "refund" not in await found(database, filled, "退款")
    assert await database.read(filled.count) == len(entries()) - 1


async def test_clearing_forgets_everything(database: Database, filled: KeywordIndex) -> None:
    await database.write(filled.clear)
    assert await found(database, filled, "退款") == []
    assert await database.read(filled.count) == 0


async def test_a_transaction_that_fails_leaves_the_index_as_it_was(database: Database, filled: KeywordIndex) -> None:
    def work(connection: object) -> None:
        filled.remove(connection, ["refund"])  # type: ignore[arg-type]
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await database.write(work)
    assert (await found(database, filled, "退款"))[0] == "refund"


async def test_a_whole_book_can_be_indexed(database: Database, filled: KeywordIndex) -> None:
    book = "".join(chr(0x4E00 + (number * 7919) % 20000) for number in range(150_000))
    entry = KnowledgeEntry("book", 1, EntryWords("说明书", book))
    await database.write(lambda c: filled.put(c, [indexed_words(entry)]))
    assert "book" in await found(database, filled, "说明书")


async def test_the_tables_are_named_for_search(database: Database, filled: KeywordIndex) -> None:
    listed = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    }[database.dialect]
    names = await database.read(lambda c: list(c.scalars(text(listed))))
    assert "entry_search" in names


def test_every_token_of_an_entry_is_indexed() -> None:
    entry = entries()[0]
    words = indexed_words(entry)
    assert set(words.answers) == set(tokens(entry.words.answer))
