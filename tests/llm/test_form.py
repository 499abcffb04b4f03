"""A form goes out as a strict schema and comes back as a value, or is called malformed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents.answer import AnswerForm
from llm.form import MalformedForm, form_schema, read_form


class Nested(BaseModel):
    """A form with a form in it."""

    note: str = ""
    items: list[AnswerForm] = []


def test_a_schema_is_strict_and_carries_no_noise() -> None:
    schema = form_schema(AnswerForm)
    assert schema["required"] == ["can_answer", "answer", "citations"]
    assert schema["additionalProperties"] is False
    assert "title" not in json.dumps(schema)
    assert len(json.dumps(schema)) < 300


def test_nested_forms_are_strict_too_and_optional_fields_are_asked_for() -> None:
    schema = form_schema(Nested)
    assert schema["required"] == ["note", "items"]
    assert schema["$defs"]["AnswerForm"]["additionalProperties"] is False


@pytest.mark.parametrize(
    "written",
    [
        '{"can_answer": true, "answer": "好", "citations": []}',
        '  {"can_answer": true, "answer": "好", "citations": []}\n',
        '```json\n{"can_answer": true, "answer": "好", "citations": []}\n```',
        '结果如下 {"can_answer": true, "answer": "好", "citations": []} 请查收',
    ],
)
def test_a_form_is_found_among_words(written: str) -> None:
    assert read_form(written, AnswerForm).answer == "好"


@given(st.one_of(st.text(max_size=200), st.dictionaries(st.text(max_size=8), st.integers(), max_size=4)))
def test_whatever_a_model_writes_is_a_form_or_malformed(written: str | dict[str, int]) -> None:
    try:
        read_form(written, AnswerForm)
    except MalformedForm as problem:
        assert str(problem)


def test_deep_nesting_is_malformed_not_a_crash() -> None:
    with pytest.raises(MalformedForm):
        read_form("{" * 100_000 + "}" * 100_000, AnswerForm)


def test_thinking_without_a_model_loads_nothing_of_langchain_openai() -> None:
    code = "import sys, graph.turn, llm.configured_model as c; c.configured_model([]); print(*sys.modules)"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "langgraph" in loaded
    assert not loaded & {"langchain_openai", "openai"}
