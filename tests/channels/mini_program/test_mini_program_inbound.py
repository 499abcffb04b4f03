"""Every callback sample of a 小程序, as JSON and as XML, in our words; and who may speak to us."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from channels.mp_callback import MpCallbacks
from channels.mp_messages import Terms, translate
from channels.mp_outbound import transfer
from channels.wechat_xml import read_xml
from conversation.errors import RefusedInput
from conversation.messages import Attachment, ContentKind, EventKind, IncomingMessage, RoomEvent
from playground.wecom_envelope import WecomEnvelope
from store.database import Database
from tests.channels.mini_program.stage import CASES, FOLDER, SETTINGS, VECTORS, with_settings
from tests.channels.mp_stage import PAYLOADS, SIGNED_AT, inbound_samples, staged

TERMS = Terms("mini_program", "main", now=1.0)
SAMPLES = {
    name: orjson.loads(raw) if name.endswith(".json") else read_xml(raw)
    for name, raw in inbound_samples(FOLDER).items()
}
INBOUND = [name for name, case in CASES.items() if case["kind"] == "inbound"]
NEGATIVE = [name for name, case in CASES.items() if case["kind"] == "negative"]
ENTER = {"event_user_enter_tempsession.json", "event_user_enter_tempsession.xml"}
MESSAGES = {
    "inbound_text.json": (ContentKind.TEXT, "商品什么时候到货", ()),
    "inbound_text.xml": (ContentKind.TEXT, "商品什么时候到货", ()),
    "inbound_image.json": (ContentKind.IMAGE, "", (Attachment(ContentKind.IMAGE, "mini-media-1"),)),
    "inbound_miniprogrampage.json": (
        ContentKind.CARD,
        "[小程序页面] 商品详情",
        (Attachment(ContentKind.CARD, "pages/item?id=9", "商品详情"),),
    ),
}


def callbacks() -> MpCallbacks:
    return MpCallbacks(VECTORS["token"], VECTORS["encoding_aes_key"], VECTORS["receive_id"], clock=lambda: SIGNED_AT)


def test_every_sample_is_spoken_of() -> None:
    assert set(SAMPLES) == set(MESSAGES) | ENTER


@pytest.mark.parametrize("name", MESSAGES)
def test_a_sample_message(name: str) -> None:
    said = translate(SAMPLES[name], TERMS)
    assert isinstance(said, IncomingMessage)
    assert (said.kind, said.text, said.attachments) == MESSAGES[name]
    assert said.sent_at == 1_760_000_000.0


def test_a_message_has_one_id_in_json_and_in_xml() -> None:
    said = [translate(SAMPLES[f"inbound_text.{form}"], TERMS) for form in ("json", "xml")]
    assert isinstance(said[0], IncomingMessage)
    assert isinstance(said[1], IncomingMessage)
    assert said[0].key == said[1].key


@pytest.mark.parametrize("name", sorted(ENTER))
def test_who_opens_the_chat_brings_where_they_came_from(name: str) -> None:
    said = translate(SAMPLES[name], TERMS)
    assert isinstance(said, RoomEvent)
    assert (said.kind, said.detail["text"]) == (EventKind.ENTERED, "order_id=12345&from=detail")


def test_a_hostile_session_from_is_cut() -> None:
    said = translate({**SAMPLES["event_user_enter_tempsession.json"], "SessionFrom": "x" * 9000}, TERMS)
    assert isinstance(said, RoomEvent)
    assert len(said.detail["text"]) == 1000


def test_the_url_check_is_echoed_as_it_is() -> None:
    case = CASES["url_verify"]
    assert bytes(callbacks().echo(case["query"]).body).decode() == case["expect_response_body"]


@pytest.mark.parametrize("name", INBOUND)
def test_a_vector_is_opened(name: str) -> None:
    case = CASES[name]
    plain = case["plaintext"].encode()
    expected = orjson.loads(plain) if name.endswith("json") else read_xml(plain)
    assert callbacks().read(case["query"], case["body"].encode()).fields == expected


@pytest.mark.parametrize("name", NEGATIVE)
def test_a_damaged_or_foreign_vector_is_refused(name: str) -> None:
    case = CASES[name]
    query = {name: case[name] for name in ("timestamp", "nonce", "msg_signature")}
    with pytest.raises(RefusedInput) as refused:
        callbacks().read(query, json.dumps({"Encrypt": case["encrypt"]}).encode())
    assert refused.value.status == 403


def test_the_transfer_reply_has_the_shape_of_the_sample_in_json_and_in_xml() -> None:
    ours = callbacks()
    envelope = WecomEnvelope(VECTORS["token"], VECTORS["encoding_aes_key"], VECTORS["receive_id"])
    samples = {
        "inbound_text_json": (orjson.loads, "transfer_customer_service_reply.json"),
        "inbound_text_xml": (read_xml, "reply_transfer_customer_service.xml"),
    }
    for name, (parse, sample) in samples.items():
        case = CASES[name]
        read = ours.read(case["query"], case["body"].encode())
        sealed = parse(bytes(ours.reply(transfer(read.fields, 1_760_000_001), read).body))
        names = ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")
        plain = envelope.open(*(str(sealed[one]) for one in names))
        assert parse(plain.encode()) == parse((PAYLOADS / FOLDER / sample).read_bytes())


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize("mode", ["plain", "compatible", "aes"])
async def test_every_mode_and_format_of_the_console_is_understood(
    sqlite_database: Database, mode: Any, form: Any
) -> None:
    key = "" if mode == "plain" else SETTINGS.encoding_aes_key
    settings = with_settings(encoding_aes_key=key, transfer_words=("转客服",))
    async with staged(settings, sqlite_database, folder=FOLDER, mode=mode, form=form) as stage:
        assert await stage.double.verify_url()
        await stage.double.say("alice", "商品什么时候到货")
        await stage.double.say("bob", "转客服")
        assert [message.text for message in stage.intake.messages] == ["商品什么时候到货"]
        assert stage.double.followers.at_desk == {"bob": ""}
        assert stage.double.violations == []
