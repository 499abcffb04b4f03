"""BM25 as a share: 1 for a question that a text holds whole, 0 for one that shares nothing."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.lexical import LexicalIndex, Statistics, Vocabulary
from retrieval.tokens import query_words

TEXTS = ["怎么申请退款", "怎么开发票", "客服几点上班", "耳机 E3 防水吗"]


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary()


def index(vocabulary: Vocabulary, texts: list[str] = TEXTS) -> LexicalIndex:
    return LexicalIndex([vocabulary.read(text) for text in texts], vocabulary)


def test_the_text_with_all_the_words_is_covered_whole(vocabulary: Vocabulary) -> None:
    covered, known = index(vocabulary).coverage(query_words("怎么申请退款").asking)
    assert int(np.argmax(covered)) == 0
    assert covered[0] == pytest.approx(1.0, abs=0.2)
    assert known == pytest.approx(1.0)


def test_a_question_of_unknown_words_covers_nothing(vocabulary: Vocabulary) -> None:
    covered, known = index(vocabulary).coverage(query_words("火星移民").asking)
    assert not covered.any()
    assert known == 0


def test_rare_words_weigh_more(vocabulary: Vocabulary) -> None:
    covered, _ = index(vocabulary, ["退款 退货", "退款 发票", "退款 邮费"]).coverage({"退款": 1.0, "发票": 1.0})
    assert covered[1] > 3 * covered[0]


def test_an_index_of_nothing_covers_nothing(vocabulary: Vocabulary) -> None:
    covered, known = index(vocabulary, []).coverage({"退款": 1.0})
    assert len(covered) == 0
    assert known == 0


def test_words_read_after_the_index_was_made_are_unknown_to_it(vocabulary: Vocabulary) -> None:
    older = index(vocabulary)
    vocabulary.read("以旧换新")
    covered, known = older.coverage(query_words("以旧换新").asking)
    assert not covered.any()
    assert known < 0.2


def test_statistics_of_all_texts_can_serve_a_few(vocabulary: Vocabulary) -> None:
    read = [vocabulary.read(text) for text in TEXTS]
    whole = LexicalIndex(read, vocabulary)
    part = LexicalIndex(read[:1], vocabulary, Statistics.of(read, len(vocabulary)))
    question = query_words("怎么申请退款").asking
    assert part.coverage(question)[0][0] == pytest.approx(whole.coverage(question)[0][0])
