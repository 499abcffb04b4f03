"""What is opened, and what is refused, before anybody looks at an event."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from channels.feishu.envelope import Challenge, Envelope, Event
from channels.feishu.settings import FeishuSettings
from conversation.errors import BadSettings, RefusedInput
from tests.channels.feishu.stage import DESK_VECTORS, PAYLOADS, SETTINGS, SIGNED_AT, VECTORS, sample, signed

CASES = [
    pytest.param(case, id=f"{name}-{case['name']}")
    for name, vectors in (("feishu", VECTORS), ("helpdesk", DESK_VECTORS))
    for case in vectors["cases"]
]
ENVELOPE = Envelope(SETTINGS)
TEXT = sample("feishu/im_message_text_p2p")


def refusal(envelope: Envelope, body: bytes, headers: dict[str, str], now: float = SIGNED_AT) -> int:
    with pytest.raises(RefusedInput) as refused:
        envelope.open(headers, body, now)
    return refused.value.status


@pytest.mark.parametrize("case", CASES)
def test_every_vector_is_accepted_or_refused_as_its_kind_says(case: dict[str, Any]) -> None:
    body = case["body"].encode()
    if case["kind"] == "negative":
        assert refusal(ENVELOPE, body, case["headers"]) == 403
        return
    opened = ENVELOPE.open(case["headers"], body, SIGNED_AT)
    if case["kind"] == "url_verify":
        assert opened == Challenge("ajls384kdjx98XX")
    else:
        assert isinstance(opened, Event)
        assert opened.event_id
        if "plaintext" in case:
            plaintext = json.loads(case["plaintext"])
            assert opened.body == plaintext["event"]
            assert opened.type == plaintext["header"]["event_type"]


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_header_names_are_taken_in_any_letter_case(spelling: Any) -> None:
    body, headers = signed(TEXT, SIGNED_AT)
    assert isinstance(ENVELOPE.open({spelling(name): value for name, value in headers.items()}, body, SIGNED_AT), Event)


@pytest.mark.parametrize("payload", ["encrypted", "plain"])
def test_a_url_check_is_echoed_only_with_the_right_token(payload: str) -> None:
    check = {"challenge": "abc", "token": SETTINGS.verification_token, "type": "url_verification"}
    wrong = {**check, "token": "guess"}
    right_body, wrong_body = json.dumps(check).encode(), json.dumps(wrong).encode()
    if payload == "encrypted":
        right_body, wrong_body = signed(check, SIGNED_AT)[0], signed(wrong, SIGNED_AT)[0]
    assert ENVELOPE.open({}, right_body, SIGNED_AT) == Challenge("abc")
    assert refusal(ENVELOPE, wrong_body, {}) == 403


def test_a_signed_url_check_needs_a_right_signature() -> None:
    check = {"challenge": "abc", "token": SETTINGS.verification_token, "type": "url_verification"}
    body, headers = signed(check, SIGNED_AT)
    assert ENVELOPE.open(headers, body, SIGNED_AT) == Challenge("abc")
    assert refusal(ENVELOPE, body, {**headers, "x-lark-signature": "0" * 64}) == 403


def test_with_an_encrypt_key_an_event_must_be_signed() -> None:
    body, headers = signed(TEXT, SIGNED_AT)
    assert refusal(ENVELOPE, body, {}) == 403
    assert refusal(ENVELOPE, json.dumps(TEXT).encode(), {}) == 403
    assert isinstance(ENVELOPE.open(headers, body, SIGNED_AT), Event)


@pytest.mark.parametrize(("late_by", "accepted"), [(-301, False), (-299, True), (0, True), (299, True), (301, False)])
def test_a_signature_counts_for_five_minutes(late_by: float, accepted: bool) -> None:
    body, headers = signed(TEXT, SIGNED_AT)
    if accepted:
        assert isinstance(ENVELOPE.open(headers, body, int(SIGNED_AT) + late_by), Event)
    else:
        assert refusal(ENVELOPE, body, headers, int(SIGNED_AT) + late_by) == 403


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "nan", "inf", "１７６"])
def test_a_timestamp_that_is_no_moment_is_refused_even_when_signed(timestamp: str) -> None:
    body = signed(TEXT, SIGNED_AT)[0]
    digest = hashlib.sha256((timestamp + "n" + SETTINGS.encrypt_key).encode() + body).hexdigest()
    headers = {"X-Lark-Signature": digest, "X-Lark-Request-Timestamp": timestamp, "X-Lark-Request-Nonce": "n"}
    assert refusal(ENVELOPE, body, headers) == 403


def test_one_changed_byte_breaks_the_signature() -> None:
    body, headers = signed(TEXT, SIGNED_AT)
    assert refusal(ENVELOPE, body.replace(b"{", b"{ ", 1), headers) == 403


def test_without_an_encrypt_key_a_plain_event_with_the_right_token_is_taken() -> None:
    plain = Envelope(replace(SETTINGS, encrypt_key=""))
    assert isinstance(plain.open({}, json.dumps(TEXT).encode(), SIGNED_AT), Event)
    stranger = {**TEXT, "header": {**TEXT["header"], "token": "guess"}}
    assert refusal(plain, json.dumps(stranger).encode(), {}) == 403
    missing = {**TEXT, "header": {**TEXT["header"], "token": None}}
    assert refusal(plain, json.dumps(missing).encode(), {}) == 403
    assert refusal(plain, *signed(TEXT, SIGNED_AT)) == 400


def test_without_a_verification_token_the_signature_is_the_proof() -> None:
    envelope = Envelope(replace(SETTINGS, verification_token=""))
    body, headers = signed(TEXT, SIGNED_AT)
    assert isinstance(envelope.open(headers, body, SIGNED_AT), Event)
    assert refusal(envelope, body, {}) == 403


def test_settings_without_any_proof_are_refused_in_words() -> None:
    with pytest.raises(BadSettings, match="encrypt_key or verification_token"):
        replace(SETTINGS, encrypt_key="", verification_token="")
    with pytest.raises(BadSettings, match="origin"):
        FeishuSettings("main", "a", "b", "c", "d", domain="open.feishu.cn/open-apis")


def test_an_event_for_another_app_is_refused() -> None:
    other = {**TEXT, "header": {**TEXT["header"], "app_id": "cli_other"}}
    body, headers = signed(other, SIGNED_AT)
    assert refusal(ENVELOPE, body, headers) == 403


def test_the_old_envelope_is_checked_and_read_too() -> None:
    old = json.loads((PAYLOADS / "feishu_fallback/approval_event_v1.json").read_text(encoding="utf-8"))
    body, headers = signed(old, SIGNED_AT)
    opened = ENVELOPE.open(headers, body, SIGNED_AT)
    assert isinstance(opened, Event)
    assert (opened.type, opened.event_id) == ("approval_instance", "made-up-uuid")
    assert opened.created_at == pytest.approx(1_760_000_000.123456)
    assert refusal(ENVELOPE, *signed({**old, "token": "guess"}, SIGNED_AT)) == 403


def sealed(padded: bytes) -> bytes:
    key, iv = hashlib.sha256(SETTINGS.encrypt_key.encode()).digest(), b"\1" * 16
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    cipher = iv + encryptor.update(padded) + encryptor.finalize()
    return json.dumps({"encrypt": base64.b64encode(cipher).decode()}).encode()


BROKEN = {
    "no JSON": b"{",
    "no UTF-8": b'{"encrypt": "\xff"}',
    "no object": b"[1]",
    "null": b"null",
    "nothing": b"",
    "no base64": b'{"encrypt": "***"}',
    "encrypt is a number": b'{"encrypt": 7}',
    "too short": b'{"encrypt": "AAAA"}',
    "no whole blocks": json.dumps({"encrypt": base64.b64encode(b"x" * 33).decode()}).encode(),
    "padding of zero": sealed(b"{}" + b"\0" * 14),
    "padding over a block": sealed(b"{}" + b"\x11" * 14),
    "padding of many kinds": sealed(b"{}" + b"\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e"),
    "decrypts to no JSON": sealed(b"hello world!" + b"\4" * 4),
    "decrypts to no UTF-8": sealed(b'{"a": "\xff\xfe"}' + b"\5" * 5),
    "bottomless": b"[" * 100_000,
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_a_signed_body_that_cannot_be_read_is_a_bad_request(body: bytes) -> None:
    assert refusal(ENVELOPE, *signed(body, SIGNED_AT)) == 400


def test_an_unsigned_ciphertext_gets_the_same_answer_whatever_is_wrong_with_it() -> None:
    unsigned = ["padding of zero", "padding over a block", "decrypts to no JSON", "decrypts to no UTF-8", "no base64"]
    assert {refusal(ENVELOPE, BROKEN[name], {}) for name in unsigned} == {403}
    assert refusal(ENVELOPE, signed(TEXT, SIGNED_AT)[0], {}) == 403


@given(body=st.binary(max_size=400), good=st.booleans())
def test_no_body_whatever_does_more_than_being_refused(body: bytes, good: bool) -> None:
    headers = signed(body, SIGNED_AT)[1] if good else {}
    with pytest.raises(RefusedInput) as refused:
        ENVELOPE.open(headers, body, SIGNED_AT)
    assert refused.value.status in (400, 403)


@given(
    payload=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["header", "event", "token", "type", "encrypt", "uuid", "app_id"]), inner)
        ),
        max_leaves=12,
    )
)
def test_no_json_whatever_breaks_the_envelope(payload: Any) -> None:
    body, headers = signed(payload if isinstance(payload, dict) else {"event": payload}, SIGNED_AT)
    try:
        opened = ENVELOPE.open(headers, body, SIGNED_AT)
    except RefusedInput as refused:
        assert refused.status in (400, 403)
    else:
        assert isinstance(opened, Event | Challenge)
