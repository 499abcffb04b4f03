"""Who sent it, when, and whether it came before: the signature of both sides."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.bridge import BridgeSettings
from channels.bridge import envelope as envelopes
from channels.bridge.envelope import BridgeEnvelope, signature
from conversation.errors import BadSettings, RefusedInput
from tests.channels.bridge.stage import SETTINGS, VECTORS
from tests.conftest import FakeClock

EXPECTED = {"stale": "away from our clock", "bad signature": "signature is wrong"}


def made(clock: FakeClock, **options: Any) -> BridgeEnvelope:
    return BridgeEnvelope(VECTORS["secret"], bridge_id="main", clock=clock, **options)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_every_vector_is_judged_as_it_says(case: dict[str, Any]) -> None:
    envelope = made(FakeClock(case["now"]))
    if case["expect"] == "ok":
        assert envelope.check(case["headers"], case["body"].encode()) == case["headers"]["X-Bridge-Nonce"]
        return
    with pytest.raises(RefusedInput, match=EXPECTED[case["expect"]]) as refused:
        envelope.check(case["headers"], case["body"].encode())
    assert refused.value.status == 401


def test_a_nonce_is_good_for_one_request(clock: FakeClock) -> None:
    envelope = made(clock)
    headers = envelope.headers(b"x")
    envelope.check(headers, b"x")
    with pytest.raises(RefusedInput, match="used before"):
        envelope.check(headers, b"x")
    clock.advance(299)
    with pytest.raises(RefusedInput, match="used before"):
        envelope.check(headers, b"x")


def test_a_nonce_that_was_given_back_is_good_once_more(clock: FakeClock) -> None:
    envelope = made(clock)
    headers = envelope.headers(b"x")
    envelope.give_back(envelope.check(headers, b"x"))
    envelope.check(headers, b"x")
    with pytest.raises(RefusedInput):
        envelope.check(headers, b"x")


def test_a_forged_request_uses_no_nonce_up(clock: FakeClock) -> None:
    envelope = made(clock)
    headers = envelope.headers(b"x")
    with pytest.raises(RefusedInput):
        envelope.check({**headers, "X-Bridge-Signature": "v1=00"}, b"x")
    envelope.check(headers, b"x")


def test_both_secrets_are_good_during_a_change_and_ours_is_the_new_one(clock: FakeClock) -> None:
    old, both = made(clock), BridgeEnvelope("the-new-secret-of-both", VECTORS["secret"], bridge_id="main", clock=clock)
    both.check(old.headers(b"x"), b"x")
    with pytest.raises(RefusedInput):
        old.check(both.headers(b"x"), b"x")


def test_another_gateways_name_is_refused_and_none_is_fine(clock: FakeClock) -> None:
    envelope = made(clock)
    headers = envelope.headers(b"x")
    with pytest.raises(RefusedInput, match="another gateway"):
        envelope.check({**headers, "X-Bridge-Id": "other"}, b"x")
    envelope.check({name: value for name, value in headers.items() if name != "X-Bridge-Id"}, b"x")


@pytest.mark.parametrize("missing", ["X-Bridge-Timestamp", "X-Bridge-Nonce", "X-Bridge-Signature"])
def test_nothing_of_the_proof_may_be_missing(clock: FakeClock, missing: str) -> None:
    envelope = made(clock)
    headers = {name: value for name, value in envelope.headers(b"x").items() if name != missing}
    with pytest.raises(RefusedInput) as refused:
        envelope.check(headers, b"x")
    assert refused.value.status == 401


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "１７６０００００１０", "9" * 40, "now"])
def test_a_timestamp_that_is_none_is_refused(clock: FakeClock, timestamp: str) -> None:
    with pytest.raises(RefusedInput):
        made(clock).check({**made(clock).headers(b""), "X-Bridge-Timestamp": timestamp}, b"")


def test_the_memory_of_nonces_is_bounded_and_forgets_what_is_old(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelopes, "NONCES_LIMIT", 3)
    envelope = made(clock)
    for _ in range(9):
        envelope.check(envelope.headers(b""), b"")
    assert len(envelope._seen) == 3
    clock.advance(601)
    envelope.check(envelope.headers(b""), b"")
    assert len(envelope._seen) == 1


@given(body=st.binary(max_size=60), other=st.binary(max_size=60), nonce=st.text(max_size=20))
def test_a_signature_fits_one_body_alone(body: bytes, other: bytes, nonce: str) -> None:
    same = signature("s", "1", nonce, body) == signature("s", "1", nonce, other)
    assert same == (body == other)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"secret": "short"}, "at least 16"),
        ({"secret": ""}, "at least 16"),
        ({"secret": "x" * 16, "previous_secret": "y"}, "previous_secret"),
        ({"secret": "x" * 16, "api_base": "gateway.example"}, "http"),
        ({"secret": "x" * 16, "api_base": "http://[::1"}, "http"),
        ({"secret": "x" * 16, "max_text_bytes": 10}, "max_text_bytes"),
    ],
)
def test_settings_that_cannot_work_say_what_to_mend(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        BridgeSettings("main", **wrong)


def test_no_secret_is_ever_printed() -> None:
    assert SETTINGS.secret not in repr(SETTINGS)
    assert SETTINGS.previous_secret not in repr(SETTINGS)
