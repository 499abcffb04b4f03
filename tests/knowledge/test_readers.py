"""Files become entries; a broken file is named with its line and its cure, and never read by half."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.errors import BadDocument
from knowledge.readers import READERS, read_document
from knowledge.readers.document import Document


def read(name: str, text: str, encoding: str = "utf-8") -> Document:
    return read_document(name, text.encode(encoding))


def asked(document: Document) -> list[tuple[str, str]]:
    return [(entry.words.question, entry.words.answer) for entry in document.entries]


def test_json_lines_give_an_entry_a_line() -> None:
    found = read(
        "faq.jsonl",
        '{"doc_id":"a1","question":"怎么退货","answer":"在订单页申请。","similar":["退货流程"],"category":"售后"}\n\n'
        '{"title":"发票","text":"订单页下载。"}\n',
    )
    assert asked(found) == [("怎么退货", "在订单页申请。"), ("发票", "订单页下载。")]
    first = found.entries[0]
    assert (first.key, first.own_id, first.line) == ("a1", True, 1)
    assert (first.words.similar, first.words.category) == (("退货流程",), "售后")
    assert (found.entries[1].key, found.entries[1].line) == ("发票", 3)


def test_json_rows_that_cannot_answer_are_left_out_with_their_line() -> None:
    found = read(
        "faq.jsonl", '{"question":"a","answer":"b"}\n{"question":"多久发货"}\n{}\n{"question":"a","answer":"c"}'
    )
    assert asked(found) == [("a", "b")]
    assert [place.line for place in found.skipped] == [2, 3, 4]
    assert "line 1" in found.skipped[2].reason


@pytest.mark.parametrize(
    ("content", "line", "cure"),
    [
        (b'{"question":"a","answer":"b"}\n{"question":', 2, "complete JSON object"),
        (b"[1,2]", 1, "object"),
        (b'{"question":"a","answer":1}', 1, "'answer' must be text"),
        (b'{"question":"a","answer":"b","similar":{"x":1}}', 1, "list of texts"),
        (b'{"question":"a","answer":"b","similar":[1]}', 1, "list of texts"),
        ('{"question":"a"}\n{"question":"退"}'.encode("gb18030"), 2, "UTF-8"),
    ],
)
def test_broken_json_lines_are_refused_with_line_and_cure(content: bytes, line: int, cure: str) -> None:
    with pytest.raises(BadDocument, match=rf"^faq\.jsonl:{line}: .*{cure}"):
        read_document("faq.jsonl", content)


TABLE = '问题,答案,相似问,分类\n怎么退货,在订单页申请。,退货流程|怎么退,售后\n怎么换货,"联系客服，\n说明原因。",,售后\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_table_is_read_in_every_encoding_that_spreadsheets_write(encoding: str) -> None:
    found = read("faq.csv", TABLE, encoding)
    assert asked(found) == [("怎么退货", "在订单页申请。"), ("怎么换货", "联系客服，\n说明原因。")]
    assert found.entries[0].words.similar == ("退货流程", "怎么退")
    assert [entry.line for entry in found.entries] == [2, 3]


@pytest.mark.parametrize(
    "heading",
    [
        "问题,答案",
        "标准问,标准答案",
        "Question,Answer",
        " 问题 , 回复 ",
        "q,a",
        "问题\t答案",
        "问题;答案",
        "编号,问题,答案",
    ],
)
def test_columns_are_found_by_many_names_and_separators(heading: str) -> None:
    separator = next(sign for sign in "\t;," if sign in heading)
    cells = ["7"] * heading.startswith("编号") + ["怎么退货", "申请退货"]
    found = read("faq.csv", f"{heading}\n{separator.join(cells)}\n")
    assert asked(found) == [("怎么退货", "申请退货")]
    assert found.entries[0].own_id is heading.startswith("编号")


def test_several_columns_of_similar_questions_are_taken_together() -> None:
    found = read("faq.csv", '问题,相似问1,相似问2,答案\na,b|c,"d\nb",x\n')
    assert found.entries[0].words.similar == ("b", "c", "d")


def test_rows_without_question_or_answer_are_left_out_with_their_line() -> None:
    found = read("faq.csv", "问题,答案\n怎么退货,\n,申请\n,\n怎么换货,联系客服\n怎么换货,再说一次\n")
    assert asked(found) == [("怎么换货", "联系客服")]
    assert [(place.line, place.reason.split()[-1]) for place in found.skipped[:2]] == [(2, "answer"), (3, "question")]
    assert found.skipped[2].line == 6


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "faq.csv: the table is empty"),
        ("型号,价格\nE3,199\n".encode(), r"faq.csv:1: no column for the question; name one 问题 .*型号, 价格"),
        ("问题,备注\na,b\n".encode(), "faq.csv:1: no column for the answer; name one 答案"),
        ('问题,答案\na,b\nc,"没有结束\n'.encode(), "faq.csv:3: broken table row .*quotes"),
        (b"\xff\xff\xff", "faq.csv:1: not UTF-8"),
        (b"PK\x03\x04rest", "packed file"),
        ("问题,答案\na,b\0\n".encode(), "zero bytes"),
    ],
)
def test_broken_tables_are_refused_with_place_and_cure(content: bytes, says: str) -> None:
    with pytest.raises(BadDocument, match=says):
        read_document("faq.csv", content)


def test_a_heading_and_what_stands_under_it_become_an_entry() -> None:
    found = read("help.md", "# 售后帮助\n\n## 怎么申请退货？\n\n1. 打开**订单**\n2. 点[退货](https://a.example/r)\n")
    entry = found.entries[0]
    assert entry.words.question == "怎么申请退货？"
    assert entry.words.answer == "1. 打开订单\n2. 点退货 https://a.example/r"
    assert entry.words.category == "售后帮助"
    assert entry.words.similar == ("售后帮助 怎么申请退货？",)
    assert (entry.line, entry.key) == (4, "售后帮助 > 怎么申请退货？")


def test_a_heading_that_says_too_little_is_asked_for_with_the_one_above() -> None:
    found = read("help.md", "# 帮助\n## 退货\n### 步骤\n先申请。\n### 可以退运费吗\n可以。\n### 时效\n三天。\n")
    assert [entry.words.question for entry in found.entries] == ["退货：步骤", "可以退运费吗", "退货：时效"]
    assert found.entries[2].words.similar == ("时效",)


def test_lists_tables_and_code_stay_as_they_are() -> None:
    body = "- 一\n  - 二\n\n| 等级 | 门槛 |\n|---|---|\n| 银 | 500 |\n\n```\n# 不是标题\n```"
    assert asked(read("help.md", f"# 会员\n\n{body}\n")) == [("会员", body)]


def test_lines_that_ask_and_answer_become_entries() -> None:
    found = read(
        "help.md",
        "# 常见问题\n\n问：多久发货？\n答：当天。\n\n**Q2: 能开发票吗？**\n\nA: 可以。\n\n**怎么退？**\n\n申请。\n",
    )
    assert asked(found) == [("多久发货？", "当天。"), ("能开发票吗？", "可以。"), ("怎么退？", "申请。")]


def test_a_plain_text_of_questions_and_answers_needs_no_blank_lines() -> None:
    found = read("faq.txt", "问：多久发货？\n答：当天。\n问：能开发票吗\n答：可以，\n在订单页下载。\n")
    assert asked(found) == [("多久发货？", "当天。"), ("能开发票吗", "可以，\n在订单页下载。")]


def test_text_before_the_first_heading_belongs_to_the_file_and_comments_to_nobody() -> None:
    found = read("运费.md", "---\ntitle: x\n---\n<!-- 内部 -->\n满 79 元包邮。\n\n偏远\n====\n另收 10 元。\n\n## 空\n")
    assert asked(found) == [("运费", "满 79 元包邮。"), ("偏远", "另收 10 元。")]
    assert [entry.line for entry in found.entries] == [1, 9]


def test_the_same_heading_twice_gives_two_entries() -> None:
    found = read("help.md", "# A\n一\n# A\n二\n")
    assert [entry.key for entry in found.entries] == ["A", "A #2"]


def test_numbers_before_a_heading_are_no_part_of_the_question() -> None:
    found = read("help.md", "# 手册\n## 3.2 清洗滤网\n每月一次。\n## 第二章 保修\n一年。\n")
    assert [entry.words.question for entry in found.entries] == ["清洗滤网", "保修"]


def test_markdown_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(BadDocument, match=r"help\.md:2: not UTF-8 .*save the file as UTF-8"):
        read_document("help.md", b"# a\n\xb2\xe2\n")


def test_other_kinds_of_files_are_refused_with_the_kinds_that_are_read() -> None:
    with pytest.raises(BadDocument, match=r"manual\.pdf: .*\.jsonl"):
        read_document("manual.pdf", b"%PDF")


@given(st.sampled_from(sorted(READERS)), st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_give_a_document_or_a_sentence(suffix: str, content: bytes) -> None:
    try:
        found = read_document(f"x{suffix}", content)
    except BadDocument as error:
        assert str(error).startswith(f"x{suffix}:")
        return
    assert all(entry.words.answer for entry in found.entries)
    assert len({entry.key for entry in found.entries}) == len(found.entries)


WORDS = st.text(min_size=1, max_size=40).map(str.strip).filter(bool)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8, unique_by=lambda pair: pair[0]))
def test_what_json_lines_say_is_what_is_read(pairs: list[tuple[str, str]]) -> None:
    content = b"\n".join(
        orjson.dumps({"question": q, "answer": a, "doc_id": f"d{n}"}) for n, (q, a) in enumerate(pairs)
    )
    found = read_document("faq.jsonl", content)
    assert [(entry.key, entry.words.question) for entry in found.entries] == [
        (f"d{number}", question) for number, (question, _) in enumerate(pairs)
    ]


LINE = st.text(alphabet="退货发票 #*-_|`>问答：:AQ12.\t[]()!\n", max_size=120)


@given(LINE)
def test_markdown_keeps_every_line_number_inside_the_file(text: str) -> None:
    found = read("x.md", text)
    assert all(1 <= entry.line <= text.count("\n") + 1 for entry in found.entries)
