"""The pure parts: tokens, rates, colours, the script's text."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.web_widget.account import WebWidgetSettings
from channels.web_widget.inbound import picture_key, read_call
from channels.web_widget.rate_limit import RateLimit
from channels.web_widget.refusal import WidgetRefusal
from channels.web_widget.script import FOLDER, PARTS, Script, ink_on
from channels.web_widget.visitor_token import VisitorTokens
from tests.channels.web_widget.stage import SETTINGS, Clock


@given(place=st.integers(0, 65), letter=st.sampled_from("ABCabc019-_."))
def test_no_other_token_opens_the_same_door(place: int, letter: str) -> None:
    tokens = VisitorTokens("key", "", "main", clock=Clock())
    visitor, token = tokens.fresh()
    assert tokens.open(token) == visitor
    changed = token[:place] + letter + token[place + 1 :]
    try:
        assert tokens.open(changed).visitor_id == visitor.visitor_id
        assert changed == token
    except WidgetRefusal:
        assert changed != token


@given(st.binary(max_size=200))
def test_any_body_is_a_call_or_refused(body: bytes) -> None:
    for with_content in (False, True):
        try:
            call = read_call(body, with_content=with_content)
        except WidgetRefusal:
            continue
        assert isinstance(call.fields, dict)


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_minute_has_more_calls_than_twice_its_share(pauses: list[float]) -> None:
    clock = Clock()
    limit = RateLimit(10, clock=clock)
    allowed = []
    for pause in pauses:
        clock.now += pause
        if limit.wait_s("x") == 0:
            allowed.append(clock.now)
    for at in allowed:
        assert len([one for one in allowed if at <= one < at + 60]) <= 20


def test_a_refused_call_is_allowed_after_the_wait_it_was_told() -> None:
    clock = Clock()
    limit = RateLimit(10, clock=clock)
    while not (wait := limit.wait_s("x")):
        pass
    clock.now += wait
    assert limit.wait_s("x") == 0


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    clock = Clock()
    limit = RateLimit(10, clock=clock)
    limit.wait_s("x")
    clock.now -= 86400
    assert limit.wait_s("x") <= 60


def test_names_that_were_silent_for_longest_are_forgotten() -> None:
    limit = RateLimit(1, clock=Clock(), remembered=2)
    assert [limit.wait_s(name) for name in ("a", "b", "c", "a")] == [0, 0, 0, 0]


@pytest.mark.parametrize(("colour", "ink"), [("#2259d6", "#ffffff"), ("#ffe066", "#14171a"), ("#000000", "#ffffff")])
def test_words_on_the_accent_can_be_read(colour: str, ink: str) -> None:
    assert ink_on(colour) == ink


def test_settings_in_the_script_cannot_leave_their_place() -> None:
    hostile = WebWidgetSettings(account="main", visitor_key="k" * 40, title='"};alert(1);//\u2028</script>')
    head = Script(hostile).text.splitlines()[2]
    assert '\\"};alert(1)' in head


def test_the_key_of_a_picture_is_the_same_for_the_same_message_only() -> None:
    assert picture_key("wv1.a") == picture_key("wv1.a") != picture_key("wv2.a")


def test_every_part_of_the_script_is_small_and_reads_no_markup() -> None:
    for name in PARTS:
        source = (FOLDER / name).read_text(encoding="utf-8")
        assert len(source.splitlines()) <= 250
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert word not in source, name


def test_the_whole_script_can_be_parsed_and_stays_light() -> None:
    text = Script(SETTINGS).text
    assert len(text.encode()) < 60_000
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to parse the script with; the browser's tests do")
    subprocess.run([node, "--check", "-"], input=text.encode(), check=True)
