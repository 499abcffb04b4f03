"""The callback URL: opened with real crypto, noted, acknowledged before anything is fetched."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from channels.wecom_kf import WecomKfChannel
from conversation.errors import BadSettings, RetryLater
from store.database import Database
from store.schema import pulls
from tests.channels.wecom_kf.stage import (
    CASES,
    CUSTOMER,
    KF,
    OTHER_KF,
    PAYLOADS,
    SETTINGS,
    Stage,
    staged,
    with_settings,
)


async def rows(stage: Stage) -> list[Any]:
    return await stage.database.read(lambda connection: list(connection.execute(select(pulls).order_by(pulls.c.name))))


def body_of(encrypt: str) -> bytes:
    return f"<xml><ToUserName>x</ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>".encode()


async def test_the_url_check_is_answered_with_the_bare_plaintext(stage: Stage) -> None:
    case = CASES["url_verify"]
    answer = await stage.http.get(f"http://ours.test/callback?{case['query_string']}")
    assert (answer.status_code, answer.text) == (200, case["expect_response_body"])
    assert await stage.double.verify_url()


async def test_the_platforms_own_vector_is_opened_noted_and_pulled(stage: Stage) -> None:
    case = CASES["callback_kf_msg_or_event"]
    answer = await stage.http.post(f"http://ours.test/callback?{case['query_string']}", content=case["body"].encode())
    assert (answer.status_code, answer.text) == (200, "success")
    await stage.channel.settled()
    first = stage.calls("sync")[0]
    # The made-up token is none of the double's: it was refused, and the account was read without one.
    assert first == {"cursor": "", "token": "ENCmadeupTOKEN0001", "limit": 1000, "voice_format": 0, "open_kfid": KF}
    assert [call["token"] for call in stage.calls("sync")] == ["ENCmadeupTOKEN0001", ""]


@pytest.mark.parametrize("name", ["neg_bad_signature", "neg_wrong_receive_id", "neg_broken_padding"])
async def test_what_the_platform_did_not_send_is_refused(stage: Stage, name: str) -> None:
    case = CASES[name]
    body = case.get("body", "").encode() or body_of(case["encrypt"])
    query = {word: case[word] for word in ("msg_signature", "timestamp", "nonce")}
    answer = await stage.post(body, query)
    assert answer.status_code == 403
    assert await rows(stage) == []


async def test_the_same_bytes_twice_are_a_replay(stage: Stage) -> None:
    sealed = stage.double.wire.seal((PAYLOADS / "callback_kf_msg_or_event.xml").read_bytes())
    assert (await stage.post(*sealed)).status_code == 200
    assert (await stage.post(*sealed)).status_code == 403
    await stage.channel.settled()


async def test_an_old_callback_is_refused(stage: Stage) -> None:
    body, query = stage.double.wire.seal((PAYLOADS / "callback_kf_msg_or_event.xml").read_bytes())
    stage.clock.now += 301
    assert (await stage.post(body, query)).status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"<xml><Encrypt>", 400),
        (b"<xml><Other>1</Other></xml>", 403),
        (b"<!DOCTYPE x [<!ENTITY e 'x'>]><xml><Encrypt>&e;</Encrypt></xml>", 403),
        (b"<xml>" + b"x" * 70_000 + b"</xml>", 413),
    ],
)
async def test_a_body_that_is_no_callback_is_refused(stage: Stage, body: bytes, status: int) -> None:
    _, query = stage.double.wire.seal("<xml/>")
    assert (await stage.post(body, query)).status_code == status


@pytest.mark.parametrize("open_kfid", ["", "k" * 129])
async def test_a_call_that_names_no_account_is_refused(stage: Stage, open_kfid: str) -> None:
    plain = f"<xml><Event>kf_msg_or_event</Event><Token>t</Token><OpenKfId>{open_kfid}</OpenKfId></xml>"
    assert (await stage.post(*stage.double.wire.seal(plain))).status_code == 400


async def test_the_acknowledgement_does_not_wait_for_the_messages(stage: Stage) -> None:
    stage.double.news.hold = asyncio.Event()
    assert await stage.double.say("alice", "在吗") == 200
    assert stage.intake.messages == []
    stage.double.news.hold.set()
    await stage.channel.settled()
    assert [one.text for one in stage.intake.messages] == ["在吗"]


async def test_a_call_that_cannot_be_noted_may_come_again_with_the_same_bytes(sqlite_database: Database) -> None:
    class Broken:
        dialect = "sqlite"
        gone = True

        async def write(self, work: Any) -> Any:
            if self.gone:
                raise RetryLater("the database is gone")
            return await sqlite_database.write(work)

        async def read(self, work: Any) -> Any:
            return await sqlite_database.read(work)

        async def close(self) -> None: ...

    database = Broken()
    async with staged(database) as stage:
        sealed = stage.double.wire.seal((PAYLOADS / "callback_kf_msg_or_event.xml").read_bytes())
        assert (await stage.post(*sealed)).status_code == 503
        database.gone = False
        assert (await stage.post(*sealed)).status_code == 200
        await stage.channel.settled()


async def test_the_double_posts_again_what_was_not_taken(stage: Stage) -> None:
    stage.double.faults.next("webhook", times=2, http=502)
    assert await stage.double.say("alice", "在吗") == 200
    await stage.channel.settled()
    assert [one.outcome for one in stage.double.ledger.deliveries] == ["withheld", "withheld", "answered"]
    assert [one.text for one in stage.intake.messages] == ["在吗"]


async def test_accounts_given_to_the_app_are_read_and_those_taken_away_forgotten(stage: Stage) -> None:
    stage.double.announces = False
    await stage.double.say("alice", "在吗", open_kfid=OTHER_KF)
    await stage.double.wire.accounts_changed([KF, OTHER_KF], [])
    await stage.channel.settled()
    assert [one.text for one in stage.intake.messages] == ["在吗"]
    assert [row.name for row in await rows(stage)] == [KF, OTHER_KF]
    await stage.double.wire.accounts_changed([], [OTHER_KF])
    assert [row.name for row in await rows(stage)] == [KF]


async def test_the_platforms_sample_of_an_account_given_is_understood(stage: Stage) -> None:
    sealed = stage.double.wire.seal((PAYLOADS / "callback_kf_account_auth_change.xml").read_bytes())
    assert (await stage.post(*sealed)).status_code == 200
    await stage.channel.settled()
    assert [row.name for row in await rows(stage)] == [KF]


async def test_another_event_of_the_same_url_is_acknowledged_and_recorded(stage: Stage) -> None:
    with capture_logs() as logs:
        sealed = stage.double.wire.seal("<xml><MsgType>event</MsgType><Event>change_contact</Event></xml>")
        assert (await stage.post(*sealed)).status_code == 200
    assert [log["callback"] for log in logs if log["event"] == "wecom_kf.callback_unsupported"] == ["change_contact"]


async def test_the_key_before_the_last_change_still_opens_callbacks(sqlite_database: Database) -> None:
    old_key = SETTINGS.encoding_aes_key
    changed = with_settings(encoding_aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", previous_key=old_key)
    async with staged(sqlite_database, changed) as stage:
        case = CASES["callback_kf_msg_or_event"]
        url = f"http://ours.test/callback?{case['query_string']}"
        assert (await stage.http.post(url, content=case["body"].encode())).status_code == 200
        await stage.channel.settled()


async def test_a_key_that_is_none_is_bad_settings(stage: Stage) -> None:
    settings = with_settings(encoding_aes_key="short")
    with pytest.raises(BadSettings, match="43 letters and digits"):
        WecomKfChannel(settings, intake=stage.intake, database=stage.database, client=stage.platform, clock=stage.clock)


async def test_nothing_logged_holds_a_token_a_secret_or_a_customers_words(stage: Stage) -> None:
    with capture_logs() as logs:
        await stage.double.enter(CUSTOMER)
        await stage.double.say(CUSTOMER, "我的卡号是6222000011112222")
        stage.double.faults.next("sync", code=95000)
        await stage.double.announce()
        await stage.channel.settled()
    told = str(logs)
    assert not [secret for secret in (*stage.secrets, "6222000011112222", "ENC") if secret in told]
