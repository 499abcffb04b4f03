"""The parts of the bench that can be right or wrong; how fast anything is decides nothing here."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from evals.bench import figures
from evals.bench.bodies import FEISHU_PATH, WECOM_PATH, feishu_posts, wecom_posts
from evals.bench.driver import Exchange
from evals.bench.growth import QUESTIONS, TURNS, GrownTurn, GrowthReport
from evals.bench.load import closed_loop, http_post, whole_answer
from evals.bench.process import measured
from evals.bench.table import clip, table, width
from evals.rig.loopback import listening, port_of, serving, url_of
from evals.rig.model_relay import ModelEndpoint, ModelRelay
from evals.rig.platforms import AES_KEY, ENCRYPT_KEY, TOKEN
from playground.feishu_envelope import decrypt, signature
from playground.llm_double import LlmDouble
from playground.wecom_envelope import WecomEnvelope

INTERVALS = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 10)).map(lambda pair: (pair[0], pair[0] + pair[1])))


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [figures.percentile(values, share) for share in (0.0, 0.5, 0.95, 1.0)] == [1.0, 3.0, 5.0, 5.0]
    assert figures.percentile([], 0.5) == figures.median([]) == 0.0


@given(INTERVALS)
def test_covered_time_is_at_least_the_longest_interval_and_at_most_their_sum(intervals: list[figures.Interval]) -> None:
    lengths = [end - start for start, end in intervals]
    assert max(lengths, default=0) - 1e-6 <= figures.covered_s(intervals) <= sum(lengths) + 1e-6


@given(INTERVALS)
def test_a_chain_is_no_longer_than_the_calls_there_were(intervals: list[figures.Interval]) -> None:
    assert bool(intervals) <= figures.chain_length(intervals) <= len(intervals)


def test_calls_side_by_side_are_a_chain_of_one_and_calls_in_a_row_are_not() -> None:
    assert figures.chain_length([(0, 5), (1, 6), (2, 4)]) == 1
    assert figures.chain_length([(0, 1), (1, 2), (3, 4)]) == 3
    assert figures.covered_s([(0, 2), (1, 3), (5, 6)]) == 4


def test_overhead_is_what_of_the_wall_time_no_model_call_took() -> None:
    calls = ((10.0, 10.5), (10.4, 10.7), (12.5, 13.0))
    exchange = Exchange("m", "问", posted=10.0, replied=11.0, reply="答", calls=calls)
    assert exchange.overhead_s == pytest.approx(0.3)


@given(st.binary(max_size=60), st.integers(0, 200))
def test_an_answer_is_taken_only_when_it_is_whole(body: bytes, cut: int) -> None:
    answer = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\nx: y\r\n\r\n" % len(body) + body
    assert whole_answer(answer[: min(cut, len(answer) - 1)]) is None
    assert whole_answer(answer + b"HTTP/1.1") == (201, len(answer))


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("订单", 4), ("E3耳机", 6), ("“", 1)])
def test_chinese_takes_two_columns(text: str, columns: int) -> None:
    assert width(text) == columns


def test_a_table_lines_up_and_long_cells_can_be_clipped() -> None:
    lines = table(["名", "n"], [["你好", "1"], ["x", "22"]]).splitlines()
    assert {line[: len(line) - len(line.lstrip())] for line in lines} == {""}
    assert [width(line.rsplit("  ", 1)[0].rstrip()) for line in lines] == [2, 4, 4, 1]
    assert clip("一二三四五", 6) == "一二…"
    assert clip("短\n句", 20) == "短 句"


async def _echo(request: Request) -> Response:
    body = await request.body()
    return PlainTextResponse("", 503) if body == b"no" else Response(body)


async def test_the_closed_loop_sends_every_request_once_and_counts_refusals() -> None:
    app, opened = Starlette(routes=[Route("/", _echo, methods=["POST"])]), listening()
    async with serving(app, opened):
        posts = [http_post("/", b"no" if number % 10 == 0 else b"yes" * number, {}) for number in range(200)]
        load = await closed_loop(port_of(opened), posts, 7)
    assert (load.requests, load.refused) == (200, 20)
    assert 0 < load.p50_ms <= load.p99_ms


async def test_a_measured_process_serves_says_what_it_used_and_ends_with_its_parent() -> None:
    opened = listening()
    address = url_of(opened)
    async with measured("evals.bench.bare_child", {"path": "/bare"}, opened) as child:
        async with httpx.AsyncClient() as client:
            assert (await client.post(f"{address}/bare", content=b"x")).json() == {}
        used = await child.used()
        assert used.cpu_s > 0
        assert 1 < used.rss_mb < 2000
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.post(f"{address}/bare", content=b"x")


def test_prepared_feishu_posts_are_signed_and_carry_a_message_id_of_their_own() -> None:
    ids = set()
    for raw in feishu_posts(30):
        head, body = raw.split(b"\r\n\r\n", 1)
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        assert head.startswith(f"POST {FEISHU_PATH} HTTP/1.1".encode())
        parts = (headers["X-Lark-Request-Timestamp"], headers["X-Lark-Request-Nonce"])
        assert headers["X-Lark-Signature"] == signature(ENCRYPT_KEY, *parts, body)
        ids.add(json.loads(decrypt(ENCRYPT_KEY, json.loads(body)["encrypt"]))["event"]["message"]["message_id"])
    assert len(ids) == 30


def test_prepared_wecom_posts_are_signed_and_carry_a_message_id_of_their_own() -> None:
    envelope, ids = WecomEnvelope(TOKEN, AES_KEY), set()
    for raw in wecom_posts(30, "http://127.0.0.1:1"):
        head, body = raw.decode().split("\r\n\r\n", 1)
        assert head.startswith(f"POST {WECOM_PATH}?")
        query = dict(re.findall(r"[?&](\w+)=(\w+)", head.split(" ")[1]))
        plain = envelope.open(json.loads(body)["encrypt"], query["msg_signature"], query["timestamp"], query["nonce"])
        ids.add(json.loads(plain)["msgid"])
    assert len(ids) == 30


async def test_the_relay_passes_calls_on_and_records_them() -> None:
    double, opened = LlmDouble(), listening()
    async with serving(double.app, opened), httpx.AsyncClient() as client:
        relay = ModelRelay(ModelEndpoint(f"{url_of(opened)}/v1", "real"), client)
        behind = httpx.AsyncClient(transport=httpx.ASGITransport(relay.app), base_url="http://relay")
        asked = {"model": "double", "messages": [{"role": "user", "content": "发票怎么开"}]}
        answer = await behind.post("/v1/chat/completions", json=asked)
        await behind.aclose()
    assert answer.json()["model"] == "real"
    assert answer.json()["choices"][0]["message"]["content"]
    assert [call.status for call in relay.calls] == [200]
    assert len(double.calls) == 1


def _grown(tokens: list[int]) -> list[GrownTurn]:
    return [GrownTurn(QUESTIONS[turn % len(QUESTIONS)], 1, one, 1.0) for turn, one in enumerate(tokens)]


def test_growth_compares_a_question_with_itself() -> None:
    flat = GrowthReport([_grown([300 + 10 * (turn % 5) for turn in range(TURNS)])] * 3)
    assert flat.growth == 1.0
    assert flat.passed
    longer = GrowthReport([_grown([300 + 20 * turn for turn in range(TURNS)])] * 3)
    assert longer.growth == pytest.approx(600 / 300)
    assert not longer.passed


def test_growth_is_not_passed_by_a_conversation_in_which_no_model_was_asked() -> None:
    assert not GrowthReport([_grown([0] * TURNS)] * 3).passed
