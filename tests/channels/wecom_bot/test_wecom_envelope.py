"""Every vector is opened or refused exactly as it says, and hostile envelopes never get further than a refusal."""

from __future__ import annotations

import base64
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.work.crypto import WeChatCrypto

from channels.wecom_bot import envelope as envelopes
from channels.wecom_bot.envelope import Envelope
from conversation.errors import BadSettings, RefusedInput
from playground.wecom_envelope import WecomEnvelope
from tests.channels.wecom_bot.stage import CASES, SIGNED_AT, VECTORS, Clock

TOKEN, KEY = VECTORS["token"], VECTORS["encoding_aes_key"]
OTHER_KEY = base64.b64encode(bytes(range(32))).decode().rstrip("=")


def made(clock: Clock | None = None, key: str = KEY, previous: str = "") -> Envelope:
    return Envelope(TOKEN, key, previous, clock=clock or Clock())


def query_of(case: dict[str, Any]) -> dict[str, str]:
    return {name: str(case[name]) for name in ("msg_signature", "timestamp", "nonce")}


def sealed(text: str, key: str = KEY, at: float = SIGNED_AT, nonce: str = "n") -> tuple[dict[str, str], str]:
    timestamp = str(int(at))
    encrypt, signature = WecomEnvelope(TOKEN, key).seal(text, timestamp, nonce)
    return {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}, encrypt


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] in ("inbound", "url_verify")])
def test_what_the_platform_sends_is_opened(name: str) -> None:
    case = CASES[name]
    encrypt = case["encrypt"] if case["kind"] == "url_verify" else json.loads(case["body"])["encrypt"]
    opened = made().open(query_of(case), encrypt)
    assert opened.plain.decode() == case["plaintext"]
    assert opened.nonce == str(case["nonce"])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] == "negative"])
def test_negative_vectors_are_refused(name: str) -> None:
    with pytest.raises(RefusedInput) as refused:
        made().open(query_of(CASES[name]), CASES[name]["encrypt"])
    assert refused.value.status == 403


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] == "reply"])
def test_our_answers_open_like_the_platforms_own_and_with_wechatpy(name: str) -> None:
    case = CASES[name]
    query, encrypt = sealed("x", nonce=str(case["nonce"]))
    ours = made()
    answer = orjson.loads(ours.seal(case["plaintext"].encode(), ours.open(query, encrypt)))
    assert set(answer) == set(case["response_body_json"])
    assert answer["nonce"] == str(case["nonce"])
    assert isinstance(answer["timestamp"], int)
    signed = (answer["msgsignature"], str(answer["timestamp"]), answer["nonce"])
    assert WecomEnvelope(TOKEN, KEY).open(answer["encrypt"], *signed) == case["plaintext"]
    assert WeChatCrypto(TOKEN, KEY, "").decrypt_message({"Encrypt": answer["encrypt"]}, *signed) == case["plaintext"]
    # The vector's own reply was sealed elsewhere: we open it as well.
    theirs = case["response_body_json"]
    opened = made().open(query_of(case), theirs["encrypt"])
    assert opened.plain.decode() == case["plaintext"]


def test_a_signed_request_works_once() -> None:
    ours, (query, encrypt) = made(), sealed("{}")
    ours.open(query, encrypt)
    with pytest.raises(RefusedInput, match="before") as refused:
        ours.open(query, encrypt)
    assert refused.value.status == 403


def test_the_platforms_own_repeat_has_a_new_nonce_and_is_taken() -> None:
    ours = made()
    for nonce in ("1", "2"):
        query, encrypt = sealed("{}", nonce=nonce)
        assert ours.open(query, encrypt).plain == b"{}"


@pytest.mark.parametrize("age", [301, -301, 10**9])
def test_a_timestamp_far_from_our_clock_is_refused(age: float) -> None:
    query, encrypt = sealed("{}", at=SIGNED_AT - age)
    with pytest.raises(RefusedInput) as refused:
        made().open(query, encrypt)
    assert refused.value.status == 403


@pytest.mark.parametrize("age", [299, -299])
def test_a_timestamp_within_the_window_is_taken(age: float) -> None:
    query, encrypt = sealed("{}", at=SIGNED_AT - age)
    assert made().open(query, encrypt).plain == b"{}"


@pytest.mark.parametrize(
    "change",
    [{"msg_signature": ""}, {"nonce": ""}, {"timestamp": ""}, {"timestamp": "soon"}, {"timestamp": "٣"}],
)
def test_a_callback_without_its_fields_is_malformed(change: dict[str, str]) -> None:
    query, encrypt = sealed("{}")
    with pytest.raises(RefusedInput) as refused:
        made().open({**query, **change}, encrypt)
    assert refused.value.status == 400


def test_any_change_breaks_the_signature() -> None:
    query, encrypt = sealed("{}")
    for changed in ({**query, "nonce": "m"}, {**query, "timestamp": str(int(SIGNED_AT) + 1)}):
        with pytest.raises(RefusedInput, match="signature"):
            made().open(changed, encrypt)
    with pytest.raises(RefusedInput, match="signature"):
        made().open(query, encrypt[:-4] + "AAA=")
    with pytest.raises(RefusedInput):
        made().open(query, encrypt + "é")


def test_padding_must_be_whole() -> None:
    assert envelopes.unpadded(b"x" * 30 + b"\2\2") == b"x" * 30
    assert envelopes.unpadded(b"\x20" * 32) == b""
    for broken in (b"", b"x" * 31 + b"\2", b"x" * 31 + b"\0", b"x" * 31 + b"\x21", b"\1", b"x" * 15 + b"\1"):
        with pytest.raises(ValueError, match="padding"):
            envelopes.unpadded(broken)


def test_after_a_key_change_the_previous_key_still_opens_and_its_answer_uses_it() -> None:
    ours = made(key=OTHER_KEY, previous=KEY)
    query, encrypt = sealed("旧", key=KEY)
    opened = ours.open(query, encrypt)
    assert opened.plain.decode() == "旧"
    answer = orjson.loads(ours.seal(b"ok", opened))
    signed = (answer["msgsignature"], str(answer["timestamp"]), answer["nonce"])
    assert WecomEnvelope(TOKEN, KEY).open(answer["encrypt"], *signed) == "ok"
    query, encrypt = sealed("新", key=OTHER_KEY, nonce="2")
    assert ours.open(query, encrypt).plain.decode() == "新"
    query, encrypt = sealed("别人的", key=base64.b64encode(b"k" * 32).decode().rstrip("="), nonce="3")
    with pytest.raises(RefusedInput):
        ours.open(query, encrypt)


@pytest.mark.parametrize("key", ["", "short", "!" * 43, KEY + "A"])
def test_a_key_that_is_none_is_a_setting_to_mend(key: str) -> None:
    with pytest.raises(BadSettings, match="encoding_aes_key"):
        envelopes.aes_key(key)


@given(st.binary(max_size=200))
def test_any_signed_ciphertext_is_opened_or_refused(raw: bytes) -> None:
    encrypt = base64.b64encode(raw).decode()
    signature = WecomEnvelope(TOKEN, KEY).signature("1760000105", "n", encrypt)
    query = {"msg_signature": signature, "timestamp": "1760000105", "nonce": "n"}
    with pytest.raises(RefusedInput):
        made().open(query, encrypt)


@given(st.text(max_size=300))
def test_any_text_survives_the_round_trip(text: str) -> None:
    raw = text.encode("utf-8", "replace").decode()
    assert made().open(*sealed(raw)).plain.decode() == raw


def test_settings_do_not_show_their_secrets() -> None:
    from tests.channels.wecom_bot.stage import SETTINGS

    assert TOKEN not in repr(SETTINGS)
    assert KEY not in repr(SETTINGS)
