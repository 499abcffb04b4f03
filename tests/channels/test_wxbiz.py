"""The shared WXBiz envelope: every vector is opened or refused as it says, and what was signed works once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import wxbiz
from channels.wechat_xml import read_xml
from channels.wxbiz import PlainSignature, SeenSignatures, WxBizEnvelope
from conversation.errors import RefusedInput
from playground.wecom_envelope import WecomEnvelope

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads"
FOLDERS = [path.parent for path in sorted(PAYLOADS.glob("*/vectors.json")) if "receive_id" in path.read_text()]
NOW = 1_760_000_105.0
CORP = "wwa1b2c3d4e5f60718"
TOKEN, KEY = "Tk251750c2b05046", "qPwwF9R1K5AHhNT8buGfkMylvKxkdQcgognYwUOeww7"

VECTORS: dict[str, dict[str, Any]] = {
    folder.name: json.loads((folder / "vectors.json").read_text(encoding="utf-8")) for folder in FOLDERS
}
CASES = [
    pytest.param(name, case, id=f"{name}-{case['name']}") for name, all_ in VECTORS.items() for case in all_["cases"]
]


def envelope(name: str) -> WxBizEnvelope:
    vectors = VECTORS[name]
    return WxBizEnvelope(vectors["token"], vectors["encoding_aes_key"], vectors["receive_id"], clock=lambda: float(NOW))


def query_of(case: dict[str, Any]) -> dict[str, str]:
    return {name: str(case[name]) for name in ("msg_signature", "timestamp", "nonce")}


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_vector_is_opened_or_refused_as_it_says(name: str, case: dict[str, Any]) -> None:
    if "encrypt" not in case:
        pytest.skip("a case of the plain mode")
    if case["kind"] == "negative":
        with pytest.raises(RefusedInput) as refused:
            envelope(name).open(query_of(case), case["encrypt"])
        assert refused.value.status == 403
    else:
        assert envelope(name).open(query_of(case), case["encrypt"]).plain.decode() == case["plaintext"]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_the_body_of_a_vector_names_the_same_ciphertext(name: str, case: dict[str, Any]) -> None:
    body = case.get("body", "")
    if not body.startswith("<xml>"):
        pytest.skip("no XML body")
    assert read_xml(body.encode())["Encrypt"] == case["encrypt"]


def test_an_answer_opens_with_the_platforms_own_rules() -> None:
    query, encrypt = sealed("你好")
    ours = WxBizEnvelope(TOKEN, KEY, CORP, clock=lambda: NOW)
    answer = ours.seal("收到".encode(), ours.open(query, encrypt))
    assert answer.timestamp == int(NOW)
    theirs = WecomEnvelope(TOKEN, KEY, CORP)
    assert theirs.open(answer.encrypt, answer.signature, str(answer.timestamp), answer.nonce) == "收到"


def test_what_was_meant_for_another_company_is_refused() -> None:
    query, encrypt = sealed("{}", corp="wwother")
    with pytest.raises(RefusedInput, match="receiveid"):
        WxBizEnvelope(TOKEN, KEY, CORP, clock=lambda: NOW).open(query, encrypt)


def test_a_request_that_could_not_be_kept_may_come_again_byte_for_byte() -> None:
    ours, (query, encrypt) = WxBizEnvelope(TOKEN, KEY, CORP, clock=lambda: NOW), sealed("{}")
    opened = ours.open(query, encrypt)
    with pytest.raises(RefusedInput, match="before"):
        ours.open(query, encrypt)
    ours.forgive(opened)
    assert ours.open(query, encrypt).plain == b"{}"


def test_the_memory_of_signatures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wxbiz, "REPLAYS_LIMIT", 3)
    now = [NOW]
    seen = SeenSignatures(lambda: now[0])
    for number in range(10):
        seen.take(str(number), int(NOW))
    assert len(seen) == 3
    now[0] += 700
    seen.take("late", int(now[0]))
    assert len(seen) == 1


def test_the_plain_signature_works_once_and_within_the_window() -> None:
    check, query = PlainSignature(TOKEN, clock=lambda: NOW), plain_query()
    check.check(query)
    with pytest.raises(RefusedInput, match="before"):
        check.check(query)
    check.forgive(query)
    check.check(query)
    for change in ({"nonce": "other"}, {"signature": "0" * 40}, {"timestamp": str(int(NOW) - 301)}):
        with pytest.raises(RefusedInput) as refused:
            check.check({**query, **change})
        assert refused.value.status == 403
    for name in query:
        with pytest.raises(RefusedInput) as malformed:
            check.check({**query, name: ""})
        assert malformed.value.status == 400


def test_a_stale_plain_signature_is_refused() -> None:
    with pytest.raises(RefusedInput, match="clock"):
        PlainSignature(TOKEN, clock=lambda: NOW + 301).check(plain_query())


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40), st.text(max_size=80))
def test_no_query_gets_further_than_a_refusal(signature: str, timestamp: str, nonce: str, encrypt: str) -> None:
    query = {"msg_signature": signature, "signature": signature, "timestamp": timestamp, "nonce": nonce}
    with pytest.raises(RefusedInput):
        WxBizEnvelope(TOKEN, KEY, CORP, clock=lambda: NOW).open(query, encrypt)
    with pytest.raises(RefusedInput):
        PlainSignature(TOKEN, clock=lambda: NOW).check(query)


def sealed(text: str, corp: str = CORP) -> tuple[dict[str, str], str]:
    encrypt, signature = WecomEnvelope(TOKEN, KEY, corp).seal(text, str(int(NOW)), "n")
    return {"msg_signature": signature, "timestamp": str(int(NOW)), "nonce": "n"}, encrypt


def plain_query() -> dict[str, str]:
    at = str(int(NOW))
    return {"signature": WecomEnvelope(TOKEN, KEY).signature(at, "n", ""), "timestamp": at, "nonce": "n"}
