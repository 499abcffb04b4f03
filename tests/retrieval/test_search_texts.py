"""An entry is found by its questions and by the pieces of its answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrieval.search_texts import PIECE_LENGTH, Side, pieces, search_texts
from store.knowledge_rows import EntryWords, KnowledgeEntry


def texts(words: EntryWords) -> list[tuple[Side, str]]:
    return [(text.side, text.text) for text in search_texts(KnowledgeEntry("e", 3, words))]


def test_questions_ask_and_the_answer_answers_under_the_question() -> None:
    found = texts(EntryWords("怎么退货", "在订单页申请。", ("退货流程", "怎么退货")))
    assert found == [(Side.ASKS, "怎么退货"), (Side.ASKS, "退货流程"), (Side.ANSWERS, "怎么退货\n在订单页申请。")]


def test_an_answer_without_question_stands_alone() -> None:
    assert texts(EntryWords(answer="满 79 元包邮。")) == [(Side.ANSWERS, "满 79 元包邮。")]


def test_an_entry_without_answer_is_found_by_its_question() -> None:
    assert texts(EntryWords("多久发货")) == [(Side.ASKS, "多久发货")]


def test_texts_of_two_versions_have_different_names() -> None:
    one, two = (KnowledgeEntry("e", version, EntryWords("问", "答")) for version in (1, 2))
    assert not {t.text_id for t in search_texts(one)} & {t.text_id for t in search_texts(two)}


@given(st.text(alphabet="退货。\n a", max_size=3000))
def test_cutting_loses_no_words(text: str) -> None:
    found = pieces(text)
    assert all(len(piece) <= PIECE_LENGTH for piece in found)
    assert "".join(found).strip() == text.strip()
