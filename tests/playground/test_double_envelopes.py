from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.work.crypto import WeChatCrypto

from playground import feishu_envelope
from playground.wecom_envelope import BrokenEnvelope, WecomEnvelope
from tests.playground.stages import AES_KEY, ENCRYPT_KEY, PAYLOADS, TOKEN


def vectors(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / name).read_text(encoding="utf-8"))
    return found


WECOM = vectors("wecom_aibot/vectors.json")
FEISHU = [*vectors("feishu/vectors.json")["cases"], *vectors("feishu_helpdesk/vectors.json")["cases"]]


@pytest.mark.parametrize("case", WECOM["cases"], ids=lambda case: case["name"])
def test_wecom_vectors_open_exactly_when_they_are_whole(case: dict[str, Any]) -> None:
    envelope = WecomEnvelope(WECOM["token"], WECOM["encoding_aes_key"], WECOM["receive_id"])
    sealed = (case["encrypt"], case["msg_signature"], case["timestamp"], case["nonce"])
    if case["kind"] == "negative":
        with pytest.raises(BrokenEnvelope):
            envelope.open(*sealed)
    else:
        assert envelope.open(*sealed) == case["plaintext"]


@given(text=st.text(), nonce=st.text("0123456789", min_size=1, max_size=12))
def test_what_the_wecom_double_seals_wechatpy_opens(text: str, nonce: str) -> None:
    encrypt, sign = WecomEnvelope(TOKEN, AES_KEY).seal(text, "1760000000", nonce)
    assert WeChatCrypto(TOKEN, AES_KEY, "").decrypt_message({"Encrypt": encrypt}, sign, "1760000000", nonce) == text


@given(st.binary(max_size=200))
def test_bytes_that_are_no_envelope_are_refused_by_name(raw: bytes) -> None:
    envelope = WecomEnvelope(TOKEN, AES_KEY)
    encrypt = base64.b64encode(raw).decode()
    with pytest.raises(BrokenEnvelope):
        envelope.open(encrypt, envelope.signature("1", "2", encrypt), "1", "2")


def test_wecom_media_has_neither_prefix_nor_length() -> None:
    media = vectors("wecom_aibot/media_vectors.json")
    envelope = WecomEnvelope(TOKEN, media["encoding_aes_key"])
    plain, sealed = (base64.b64decode(media[f"{name}text_base64"]) for name in ("plain", "cipher"))
    assert envelope.encrypt_media(plain) == sealed
    assert envelope.decrypt_media(sealed) == plain


@pytest.mark.parametrize("case", FEISHU, ids=lambda case: case["name"])
def test_feishu_vectors_decrypt_and_their_signatures_fit(case: dict[str, Any]) -> None:
    sealed = json.loads(case["body"])["encrypt"]
    plain = json.loads(feishu_envelope.decrypt(ENCRYPT_KEY, sealed))
    if "plaintext" in case:
        assert plain == json.loads(case["plaintext"])
    head = {name.lower(): value for name, value in case["headers"].items()}
    stamp = (head["x-lark-request-timestamp"], head["x-lark-request-nonce"])
    made = feishu_envelope.signature(ENCRYPT_KEY, *stamp, case["body"].encode())
    assert (made == head["x-lark-signature"]) == (case["name"] != "neg_bad_signature")


@given(st.text())
def test_feishu_encryption_comes_back_whole(text: str) -> None:
    assert feishu_envelope.decrypt(ENCRYPT_KEY, feishu_envelope.encrypt(ENCRYPT_KEY, text)) == text


def test_without_an_encrypt_key_events_are_plain_and_unsigned() -> None:
    body, headers = feishu_envelope.seal("", {"schema": "2.0"}, 1760000000.0)
    assert json.loads(body) == {"schema": "2.0"}
    assert "X-Lark-Signature" not in headers
