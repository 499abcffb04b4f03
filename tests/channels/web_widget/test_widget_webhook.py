"""What a visitor's page may do, what it is told, and what it is refused."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from channels.web_widget.account import CALL_LIMIT, PICTURE_LIMIT, PICTURES_A_DAY
from conversation.errors import GiveUp, RetryLater
from conversation.identity import RoomKind
from conversation.messages import ContentKind
from store.database import Database
from tests.channels.web_widget.stage import KEY, PATH, SETTINGS, SHOP, Page, Stage, forged, staged, visitor_of

PNG = b"\x89PNG\r\n\x1a\n" + b"made up" * 20


async def test_what_a_visitor_writes_is_kept_as_it_was_written(light_stage: Stage) -> None:
    page = await light_stage.page()
    answer = await page.say("  怎么<b>退货</b>？\n急\x00 ")
    (message,) = light_stage.intake.messages
    visitor = visitor_of(page.token)
    assert message.text == message.raw_text == "怎么<b>退货</b>？\n急"
    assert message.room.room_id == f"web_widget:main:{visitor}"
    assert message.room.kind is RoomKind.DIRECT
    assert message.sender.person_id == visitor
    assert message.sender.name == f"访客{visitor[-4:]}"
    assert message.message_id == f"{visitor}.message-0001"
    assert message.awaits
    assert message.sent_at == answer["at"] == light_stage.clock.now
    assert answer["seq"] == 1


async def test_the_same_message_again_is_one_line_and_has_the_same_number(stage: Stage) -> None:
    page = await stage.page()
    first, second = await page.say("在吗"), await page.say("在吗")
    assert first["seq"] == second["seq"] == 1
    assert [line["text"] for line in await page.lines()] == ["在吗"]


async def test_one_visitor_cannot_use_up_anothers_ids(light_stage: Stage) -> None:
    alice, bob = await light_stage.page("alice"), await light_stage.page("bob")
    await alice.say("我是甲")
    await bob.say("我是乙")
    assert [message.text for message in light_stage.intake.messages] == ["我是甲", "我是乙"]
    assert [line["text"] for line in await bob.lines()] == ["我是乙"]


async def test_what_could_not_be_kept_is_no_line_of_the_chat(light_stage: Stage) -> None:
    page = await light_stage.page()
    light_stage.intake.broken = RetryLater("the database is gone")
    response = await page.call("send", {"id": "message-0001", "text": "在吗"})
    assert response.status_code == 503
    assert response.json()["error"] == "busy"
    assert response.headers["access-control-allow-origin"] == SHOP
    assert await page.lines() == []
    await page.say("在吗")
    assert [line["text"] for line in await page.lines()] == ["在吗"]


@pytest.mark.parametrize(
    ("fields", "status", "word"),
    [
        ({"id": "message-0001", "text": "   \n"}, 400, "empty"),
        ({"id": "message-0001", "text": "长" * 2001}, 413, "too_long"),
        ({"id": "message-0001", "text": 7}, 400, "bad"),
        ({"id": "message-0001"}, 400, "bad"),
        ({"id": "short", "text": "在吗"}, 400, "bad"),
        ({"id": "x" * 65, "text": "在吗"}, 400, "bad"),
        ({"id": "message 0001", "text": "在吗"}, 400, "bad"),
        ({"id": ["message-0001"], "text": "在吗"}, 400, "bad"),
        ({"text": "在吗"}, 400, "bad"),
    ],
)
async def test_a_message_that_is_none_is_refused_with_a_word(
    light_stage: Stage, fields: dict[str, object], status: int, word: str
) -> None:
    response = await (await light_stage.page()).call("send", fields)
    assert (response.status_code, response.json()["error"]) == (status, word)
    assert light_stage.intake.items == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b'"text"', b'{"a":"\\ud800"}', b"[" * 5000])
async def test_a_body_that_is_no_object_is_refused(light_stage: Stage, body: bytes) -> None:
    assert (await (await light_stage.page()).call("send", body)).status_code == 400


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(light_stage: Stage) -> None:
    response = await (await light_stage.page()).call("send", b"x" * (CALL_LIMIT + 1))
    assert response.status_code == 413
    assert response.headers["access-control-allow-origin"] == SHOP


@pytest.mark.parametrize("what", ["", "delete", "script"])
async def test_an_unknown_wish_is_refused(light_stage: Stage, what: str) -> None:
    assert (await (await light_stage.page()).call(what, {})).status_code == 404


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (SHOP, True),
        ("HTTPS://SHOP.example.com", True),
        ("http://widget.test", True),
        ("http://shop.example.com", False),
        ("https://shop.example.com.evil.example", False),
        ("https://evil.example", False),
        ("https://shop.example.com:8443", False),
        ("null", False),
        ("", False),
        ("http://[", False),
    ],
)
async def test_only_listed_sites_may_call(light_stage: Stage, origin: str, allowed: bool) -> None:
    page = Page(light_stage.http, origin)
    response = await page.call("session", {})
    assert response.status_code == (200 if allowed else 403)
    assert response.headers.get("access-control-allow-origin") == (origin if allowed else None)
    assert not allowed or response.headers["vary"] == "Origin"


@pytest.mark.parametrize("what", ["send", "history", "events", "picture", "file", "session"])
async def test_nothing_is_done_for_a_forged_token(light_stage: Stage, what: str) -> None:
    page = replace(await light_stage.page(), token=forged((await light_stage.page()).token))
    response = await page.call(what, {"id": "message-0001", "text": "在吗"})
    assert (response.status_code, response.json()["error"]) == (403, "token")
    assert light_stage.intake.items == []


@pytest.mark.parametrize("token", [None, 7, "", "hw1.", "hw1." + "A" * 62, "x" * 5000, "hw1.é", {"a": 1}, "hw1.AAAA"])
async def test_what_is_no_token_is_refused(light_stage: Stage, token: object) -> None:
    response = await (await light_stage.page()).call("history", {"token": token})
    assert (response.status_code, response.json()["error"]) == (403, "token")


async def test_a_token_is_good_for_one_widget_only(sqlite_database: Database) -> None:
    async with staged(sqlite_database) as one, staged(sqlite_database, replace(SETTINGS, account="other")) as other:
        page = replace(await one.page(), http=other.http)
        assert (await page.call("history", {})).status_code == 403


async def test_a_changed_key_keeps_visitors_while_the_old_one_is_named(sqlite_database: Database) -> None:
    changed = replace(SETTINGS, visitor_key="k" * 40, previous_key=KEY)
    async with staged(sqlite_database) as old, staged(sqlite_database, changed) as new:
        await (await old.page()).say("在吗")
        page = replace(await old.page(), http=new.http)
        assert [line["text"] for line in await page.lines()] == ["在吗"]
    async with staged(sqlite_database, replace(changed, previous_key="")) as newest:
        assert (await replace(page, http=newest.http).call("history", {})).status_code == 403


async def test_a_visitor_who_comes_back_has_the_token_renewed_and_one_who_stayed_away_begins_anew(
    light_stage: Stage,
) -> None:
    page = await light_stage.page()
    first, visitor = page.token, visitor_of(page.token)
    await page.enter()
    assert page.token == first
    light_stage.clock.now += 100 * 86400
    await page.enter()
    assert page.token != first
    assert visitor_of(page.token) == visitor
    light_stage.clock.now += 100 * 86400
    await page.enter()
    light_stage.clock.now += 181 * 86400
    assert (await page.call("session", {})).json()["error"] == "token"


async def test_nobody_is_known_before_they_write(light_stage: Stage) -> None:
    """Robots that run scripts leave nothing behind."""
    from sqlalchemy import func, select

    from store.schema import widget_visitors

    for _ in range(5):
        await Page(light_stage.http).enter()
    count = select(func.count()).select_from(widget_visitors)
    assert await light_stage.database.read(lambda c: c.execute(count).scalar()) == 0


async def test_a_visitor_who_writes_too_fast_is_told_when_to_go_on(sqlite_database: Database) -> None:
    async with staged(sqlite_database, replace(SETTINGS, per_minute=6)) as stage:
        page = await stage.page()
        for number in range(6):
            await page.say("在吗", f"{number:04}")
        response = await page.call("send", {"id": "message-0006", "text": "在吗"})
        assert (response.status_code, response.json()) == (429, {"error": "rate", "after": 10.0})
        assert response.headers["retry-after"] == "10"
        stage.clock.now += 10
        await page.say("在吗", "0006")
        assert len(stage.intake.messages) == 7


async def test_one_address_cannot_make_visitors_without_end(sqlite_database: Database) -> None:
    async with staged(sqlite_database, replace(SETTINGS, address_per_minute=3)) as stage:
        statuses = [(await Page(stage.http).call("session", {})).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]


async def test_history_is_read_page_by_page(light_stage: Stage) -> None:
    page = await light_stage.page()
    for number in range(120):
        await page.say(f"第{number}句", f"{number:04}")
    newest = await page.enter()
    assert [line["seq"] for line in newest["lines"]] == list(range(71, 121))
    assert (newest["last"], newest["more"]) == (120, True)
    middle = await page.ask("history", before=71)
    oldest = await page.ask("history", before=21)
    assert [line["seq"] for line in middle["lines"]] == list(range(21, 71))
    assert [line["seq"] for line in oldest["lines"]] == list(range(1, 21))
    assert (middle["more"], oldest["more"]) == (True, False)


@pytest.mark.parametrize("after", [-1, "1", 1.5, True, None, 2**40])
async def test_a_number_that_is_none_is_refused(light_stage: Stage, after: object) -> None:
    response = await (await light_stage.page()).call("history", {"after": after})
    assert response.status_code == 400


async def send_picture(page: Page, content: bytes, name: str = "划痕.png", number: int = 1) -> httpx.Response:
    head = b'{"token":"%s","id":"picture-%04d","name":"%s"}' % (page.token.encode(), number, name.encode())
    return await page.call("picture", head + b"\n" + content)


async def test_a_picture_reaches_staff_and_its_visitor_and_nobody_else(stage: Stage) -> None:
    page, other = await stage.page(), await stage.page("bob")
    answer = (await send_picture(page, PNG)).json()
    (message,) = stage.intake.messages
    assert (message.kind, message.text) == (ContentKind.IMAGE, "")
    (attachment,) = message.attachments
    assert (attachment.kind, attachment.name) == (ContentKind.IMAGE, "划痕.png")
    found = await stage.channel.media(attachment.reference)
    assert (found.content, found.media_type, found.name) == (PNG, "image/png", "划痕.png")
    response = await page.call("file", {"picture": answer["picture"]})
    assert (response.content, response.headers["content-type"]) == (PNG, "image/png")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert (await other.call("file", {"picture": answer["picture"]})).status_code == 404
    assert [line["kind"] for line in await page.lines()] == ["picture"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"<svg onload=alert(1)>", 415),
        (b"GIF88a", 415),
        (b"RIFF1234WAVE", 415),
        (b"\xff\xd8\xff" + b"x" * PICTURE_LIMIT, 413),
        (b"x" * (PICTURE_LIMIT + 2 * CALL_LIMIT), 413),
    ],
)
async def test_what_is_no_picture_is_refused(light_stage: Stage, content: bytes, status: int) -> None:
    assert (await send_picture(await light_stage.page(), content)).status_code == status
    assert light_stage.intake.items == []


@pytest.mark.parametrize(
    ("content", "kind"), [(b"\xff\xd8\xff\xe0", "jpeg"), (b"GIF89a;", "gif"), (b"RIFF....WEBPVP8", "webp")]
)
async def test_a_picture_is_what_its_first_bytes_say(light_stage: Stage, content: bytes, kind: str) -> None:
    page = await light_stage.page()
    answer = (await send_picture(page, content, "x.html")).json()
    shown = await page.call("file", {"picture": answer["picture"]})
    assert shown.headers["content-type"] == f"image/{kind}"


async def test_a_day_has_room_for_so_many_pictures(light_stage: Stage) -> None:
    page = await light_stage.page()
    for number in range(PICTURES_A_DAY):
        assert (await send_picture(page, PNG, number=number)).status_code == 200
    assert (await send_picture(page, PNG, number=99)).status_code == 429
    assert (await send_picture(page, PNG, number=0)).status_code == 200, "a repeat is no further picture"
    light_stage.clock.now += 86401
    assert (await send_picture(page, PNG, number=99)).status_code == 200


async def test_a_widget_may_take_no_pictures(sqlite_database: Database) -> None:
    async with staged(sqlite_database, replace(SETTINGS, pictures=False)) as stage:
        assert (await send_picture(await stage.page(), PNG)).status_code == 415


async def test_a_picture_that_is_gone_is_given_up(light_stage: Stage) -> None:
    with pytest.raises(GiveUp, match="no longer kept"):
        await light_stage.channel.media("wp0123")


async def test_the_script_is_served_at_both_addresses_and_asked_for_once(light_stage: Stage) -> None:
    short = await light_stage.http.get("/widget/main.js")
    long = await light_stage.http.get(PATH)
    assert short.status_code == 200
    assert short.text == long.text
    assert short.headers["content-type"] == "text/javascript; charset=utf-8"
    assert short.headers["cross-origin-resource-policy"] == "cross-origin"
    again = await light_stage.http.get("/widget/main.js", headers={"if-none-match": short.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await light_stage.http.get("/widget/nobody.js")).status_code == 404


async def test_no_secret_is_in_the_script_or_in_the_settings_shown(light_stage: Stage) -> None:
    assert KEY not in (await light_stage.http.get("/widget/main.js")).text
    assert KEY not in repr(SETTINGS)
