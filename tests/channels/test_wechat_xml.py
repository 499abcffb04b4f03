"""The XML of WeChat and WeCom is read within limits, and hostile documents are refused before they do anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.wechat_xml import DEPTH_LIMIT, NODES_LIMIT, SIZE_LIMIT, read_xml, write_xml
from conversation.errors import RefusedInput

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads"
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=40)


@pytest.mark.parametrize("path", sorted(PAYLOADS.glob("*/*.xml")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_sample_is_read(path: Path) -> None:
    fields = read_xml(path.read_bytes())
    assert fields["ToUserName"]
    assert fields["CreateTime"].isdigit()


def test_children_are_dicts_and_repeated_tags_are_lists() -> None:
    fields = read_xml((PAYLOADS / "wecom_app/event_template_card_multi.xml").read_bytes())
    chosen = fields["SelectedItems"]["SelectedItem"]
    assert [(one["QuestionKey"], one["OptionIds"]["OptionId"]) for one in chosen] == [
        ("category", "refund"),
        ("urgency", "high"),
    ]
    assert read_xml(b"<x><a>1</a><a>2</a><a/></x>") == {"a": ["1", "2", ""]}


HOSTILE = {
    "an entity bomb": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x><Content>&b;</Content></x>',
    "a file of ours": b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x><Content>&f;</Content></x>',
    "a DTD from elsewhere": b'<!DOCTYPE x SYSTEM "http://example.invalid/x.dtd"><x/>',
    "a parameter entity": b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://example.invalid/p"> %p;]><x/>',
    "a bare DTD": b"<!DOCTYPE x><x/>",
    "an entity nobody declared": b"<x><Content>&nobody;</Content></x>",
    "too deep": b"<a>" * (DEPTH_LIMIT + 1) + b"</a>" * (DEPTH_LIMIT + 1),
    "too many": b"<x>" + b"<a/>" * (NODES_LIMIT + 1) + b"</x>",
    "too long": b"<x>" + b"a" * SIZE_LIMIT + b"</x>",
    "two roots": b"<x/><x/>",
    "unclosed": b"<x><Content>",
    "no UTF-8": b"<x><Content>\xff\xfe</Content></x>",
    "UTF-16": "<x><Content>你好</Content></x>".encode("utf-16"),
    "NUL": b"<x><Content>\0</Content></x>",
    "nothing": b"",
    "words": "你好".encode(),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_documents_are_refused(body: bytes) -> None:
    with pytest.raises(RefusedInput) as refused:
        read_xml(body)
    assert refused.value.status in (400, 403, 413)


def test_an_encoding_that_the_document_claims_is_not_believed() -> None:
    body = '<?xml version="1.0" encoding="gbk"?><xml><Content>你好</Content></xml>'.encode()
    assert read_xml(body) == {"Content": "你好"}


@given(st.dictionaries(NAMES, st.one_of(WORDS, st.dictionaries(NAMES, WORDS, min_size=1, max_size=3)), max_size=5))
def test_what_is_written_is_read_again(fields: dict[str, object]) -> None:
    assert read_xml(write_xml(fields)) == fields


@given(st.text(max_size=80))
def test_any_words_can_be_written_and_read(text: str) -> None:
    found = read_xml(write_xml({"Content": text}))["Content"]
    # What XML cannot hold becomes a mark in its place; line ends are the reader's.
    kept = re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    assert found == kept.replace("\r\n", "\n").replace("\r", "\n")


def test_numbers_are_bare_lists_repeat_and_odd_names_are_refused() -> None:
    assert write_xml({"A": 1, "B": True, "C": ["x", {"D": "]]>"}]}) == (
        b"<xml><A>1</A><B>1</B><C><![CDATA[x]]></C><C><D><![CDATA[]]]]><![CDATA[>]]></D></C></xml>"
    )
    with pytest.raises(ValueError, match="name"):
        write_xml({"a><b": "x"})


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for candidate in (body, b"<xml>" + body + b"</xml>"):
        try:
            assert isinstance(read_xml(candidate), dict)
        except RefusedInput:
            continue
