"""Who may speak to us: the vectors made for us, the platform's own published signatures, and forgeries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channels.mp_callback import REDELIVERY_S, MpCallbacks
from channels.wechat_xml import read_xml
from conversation.errors import RefusedInput, RetryLater
from playground.wecom_envelope import WecomEnvelope
from store.database import Database
from tests.channels.mp_stage import PAYLOADS, SIGNED_AT, MpStage, RunningClock, staged
from tests.channels.official_account.stage import CASES, FOLDER, SETTINGS, VECTORS, with_settings

PUBLISHED = json.loads((PAYLOADS / FOLDER / "published_signature_vectors.json").read_text(encoding="utf-8"))["cases"]
OF_KIND = {kind: [name for name, case in CASES.items() if case["kind"] == kind] for kind in ("inbound", "negative")}


def callbacks(**changes: Any) -> MpCallbacks:
    given = {
        "token": VECTORS["token"],
        "encoding_aes_key": VECTORS["encoding_aes_key"],
        "app_id": VECTORS["receive_id"],
        "clock": lambda: SIGNED_AT,
    }
    return MpCallbacks(**{**given, **changes})


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case["use"])
def test_the_platforms_own_published_signature_is_taken(case: dict[str, str]) -> None:
    ours = callbacks(token=case["token"], clock=lambda: float(case["timestamp"]))
    assert bytes(ours.echo(case).body).decode() == case.get("echostr", "")


def test_the_url_check_is_echoed_as_it_is() -> None:
    case = CASES["url_verify"]
    assert bytes(callbacks().echo(case["query"]).body).decode() == case["expect_response_body"]


@pytest.mark.parametrize("name", OF_KIND["inbound"])
def test_a_vector_is_opened(name: str) -> None:
    case = CASES[name]
    read = callbacks().read(case["query"], case["body"].encode())
    assert read.fields == read_xml(case["plaintext"].encode())


@pytest.mark.parametrize("name", OF_KIND["negative"])
def test_a_damaged_or_foreign_vector_is_refused(name: str) -> None:
    case = CASES[name]
    query = {name: case[name] for name in ("timestamp", "nonce", "msg_signature")}
    body = f"<xml><Encrypt><![CDATA[{case['encrypt']}]]></Encrypt></xml>".encode()
    with pytest.raises(RefusedInput) as refused:
        callbacks().read(query, body)
    assert refused.value.status == 403


def test_a_reply_is_sealed_so_that_the_platform_opens_it() -> None:
    case = CASES["inbound_text"]
    ours = callbacks()
    said = {"ToUserName": "o1", "FromUserName": "gh", "CreateTime": 1, "MsgType": "text", "Content": "好"}
    sealed = read_xml(bytes(ours.reply(said, ours.read(case["query"], case["body"].encode())).body))
    envelope = WecomEnvelope(VECTORS["token"], VECTORS["encoding_aes_key"], VECTORS["receive_id"])
    plain = envelope.open(sealed["Encrypt"], sealed["MsgSignature"], sealed["TimeStamp"], sealed["Nonce"])
    assert read_xml(plain.encode()) == {name: str(value) for name, value in said.items()}
    assert sealed["Nonce"] == case["nonce"]


@pytest.mark.parametrize("sample", ["reply_text", "reply_image", "reply_transfer_customer_service_account"])
def test_our_replies_have_the_shape_of_the_samples(sample: str) -> None:
    """What `write_xml` makes of the sample's own fields says the same as the sample."""
    said = read_xml((PAYLOADS / FOLDER / f"{sample}.xml").read_bytes())
    ours = callbacks(encoding_aes_key="")
    query = {name: PUBLISHED[1][name] for name in ("timestamp", "nonce", "signature")}
    plain = MpCallbacks(PUBLISHED[1]["token"], "", "wx", clock=lambda: float(query["timestamp"]))
    callback = plain.read(query, (PAYLOADS / FOLDER / "inbound_text.xml").read_bytes())
    assert read_xml(bytes(ours.reply(said, callback).body)) == said


def test_the_previous_key_still_opens() -> None:
    case = CASES["inbound_text"]
    ours = callbacks(encoding_aes_key="A" * 43, previous_key=VECTORS["encoding_aes_key"])
    assert ours.read(case["query"], case["body"].encode()).fields["MsgType"] == "text"


def test_the_same_bytes_are_a_redelivery_for_half_a_minute_and_a_replay_after_it() -> None:
    clock = RunningClock()
    case, ours = CASES["inbound_text"], callbacks(clock=clock)
    for _ in range(3):
        ours.read(case["query"], case["body"].encode())
    clock.advance(REDELIVERY_S + 1)
    with pytest.raises(RefusedInput, match="came before"):
        ours.read(case["query"], case["body"].encode())


def test_a_stale_signature_is_refused() -> None:
    case = CASES["inbound_text"]
    with pytest.raises(RefusedInput, match="away from our clock") as refused:
        callbacks(clock=lambda: SIGNED_AT + 400).read(case["query"], case["body"].encode())
    assert refused.value.status == 403


def test_in_plain_mode_a_known_signature_does_not_carry_other_words() -> None:
    case = PUBLISHED[1]
    ours = MpCallbacks(case["token"], "", "wx", clock=lambda: float(case["timestamp"]))
    ours.read(case, b"<xml><MsgType>text</MsgType></xml>")
    with pytest.raises(RefusedInput, match="came before") as refused:
        ours.read(case, b"<xml><MsgType>event</MsgType></xml>")
    assert refused.value.status == 403


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize("mode", ["plain", "compatible", "aes"])
async def test_every_mode_and_format_of_the_console_is_understood(
    sqlite_database: Database, mode: Any, form: Any
) -> None:
    key = "" if mode == "plain" else SETTINGS.encoding_aes_key
    settings = with_settings(encoding_aes_key=key, hold_s=0.0, greeting="您好")
    async with staged(settings, sqlite_database, folder=FOLDER, mode=mode, form=form) as stage:
        assert await stage.double.verify_url()
        await stage.double.say("alice", "怎么申请退款")
        await stage.double.act("alice", "subscribe")
        assert [message.text for message in stage.intake.messages] == ["怎么申请退款"]
        assert stage.ways("alice") == [("passive", "您好")]
        assert stage.double.violations == []


async def test_in_compatible_mode_the_words_beside_the_sealed_ones_count_for_nothing(stage: MpStage) -> None:
    body, query = stage.double.sealed(stage.double.head("alice", "text") | {"Content": "真的", "MsgId": 1})
    forged = body.replace("<xml>", "<xml><Content>假的</Content><FromUserName>mallory</FromUserName>")
    assert (await stage.double.deliver_raw(forged, query)).status_code == 200
    assert [(one.text, one.sender.person_id) for one in stage.intake.messages] == [("真的", "alice")]


async def test_where_a_key_is_set_a_plain_callback_is_refused(stage: MpStage) -> None:
    body = stage.double.wire.written(stage.double.head("alice", "text") | {"Content": "假的", "MsgId": 1})
    assert (await stage.double.deliver_raw(body, stage.double.wire.signed())).status_code == 403
    assert stage.intake.items == []


async def test_without_a_key_a_sealed_callback_says_what_is_missing(sqlite_database: Database) -> None:
    settings = with_settings(encoding_aes_key="")
    async with staged(settings, sqlite_database, folder=FOLDER, mode="plain") as stage:
        response = await stage.double.deliver_raw("<xml><Encrypt>x</Encrypt></xml>", stage.double.wire.signed())
        assert (response.status_code, response.text) == (
            400,
            "the callback is encrypted, but the settings have no encoding_aes_key",
        )


async def test_a_plain_forgery_is_refused(sqlite_database: Database) -> None:
    settings = with_settings(encoding_aes_key="")
    async with staged(settings, sqlite_database, folder=FOLDER, mode="plain") as stage:
        assert await stage.deliver_forged("假的") == 403
        assert stage.intake.items == []


async def test_what_could_not_be_kept_may_come_again_with_the_very_same_bytes(stage: MpStage) -> None:
    body, query = stage.double.sealed(stage.double.head("alice", "text") | {"Content": "在吗", "MsgId": 5})
    stage.intake.broken = RetryLater("the database is gone")
    assert (await stage.double.deliver_raw(body, query)).status_code == 503
    assert (await stage.double.deliver_raw(body, query)).status_code == 200
    assert [message.text for message in stage.intake.messages] == ["在吗"]
