from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from playground.feishu_gateway import RateWindow
from tests.playground.stages import PAYLOADS, Clock, FeishuStage, served

MESSAGES = "/open-apis/im/v1/messages"
CARD: dict[str, Any] = json.loads((PAYLOADS / "feishu/card_v2.json").read_text(encoding="utf-8"))


async def call(stage: FeishuStage, method: str, path: str, **request: Any) -> dict[str, Any]:
    headers = {**await stage.login(), **request.pop("headers", {})}
    answer = await stage.api.request(method, path, headers=headers, **request)
    found: dict[str, Any] = answer.json()
    return found


async def test_a_token_lives_two_hours_and_is_kept_while_it_has_long_to_live(feishu: FeishuStage) -> None:
    first = await feishu.login()
    feishu.clock.now += 5000
    assert await feishu.login() == first
    feishu.clock.now += 600
    second = await feishu.login()
    assert second != first
    feishu.clock.now += 1601
    old = await feishu.api.get("/open-apis/bot/v3/info", headers=first)
    assert (old.status_code, old.json()["code"]) == (400, 99991663)
    new = await feishu.api.get("/open-apis/bot/v3/info", headers=second)
    assert new.json()["bot"]["open_id"] == "ou_bot"
    assert (await feishu.api.get("/open-apis/bot/v3/info")).json()["code"] == 99991661


async def test_wrong_credentials_get_no_token(feishu: FeishuStage) -> None:
    body = {"app_id": "cli_a", "app_secret": "guess"}
    answer = await feishu.api.post("/open-apis/auth/v3/tenant_access_token/internal", json=body)
    assert answer.json()["code"] == 10014


async def test_the_same_uuid_adds_nothing_for_an_hour(feishu: FeishuStage) -> None:
    first = (await feishu.send("已发货", uuid="u-1")).json()["data"]["message_id"]
    assert (await feishu.send("已发货", uuid="u-1")).json()["data"]["message_id"] == first
    assert feishu.double.ledger.texts("oc_room") == ["已发货"]
    assert feishu.double.violations == []
    await feishu.send("另一句话", uuid="u-1")
    assert "uuid u-1" in feishu.double.violations[0]
    feishu.clock.now += 3600
    assert (await feishu.send("已发货", uuid="u-1")).json()["data"]["message_id"] != first
    assert (await feishu.send("x", uuid="u" * 51)).json()["code"] == 230001


async def test_an_answer_lost_after_the_call_took_effect_is_healed_by_the_uuid(feishu: FeishuStage) -> None:
    feishu.double.faults.next("create", drop=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await feishu.send("只说一次", uuid="u-2")
    assert (await feishu.send("只说一次", uuid="u-2")).json()["code"] == 0
    assert feishu.double.ledger.texts("oc_room") == ["只说一次"]


async def test_replies_quote_and_thread_under_the_root(feishu: FeishuStage) -> None:
    asked = await feishu.double.say(chat_id="oc_room", user_open_id="ou_li", user_name="李四", text="在吗")
    body = {"msg_type": "text", "content": '{"text": "在的"}'}
    quote = (await call(feishu, "POST", f"{MESSAGES}/{asked}/reply", json=body))["data"]
    assert (quote["parent_id"], quote["root_id"], "thread_id" in quote) == (asked, asked, False)
    threaded = {**body, "reply_in_thread": True}
    inside = (await call(feishu, "POST", f"{MESSAGES}/{asked}/reply", json=threaded))["data"]
    deeper = (await call(feishu, "POST", f"{MESSAGES}/{inside['message_id']}/reply", json=body))["data"]
    assert inside["thread_id"] == deeper["thread_id"] == feishu.double.ledger.message(asked).thread_id
    assert deeper["root_id"] == asked
    assert (await call(feishu, "POST", f"{MESSAGES}/om_none/reply", json=body))["code"] == 230030


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"content": {"text": "an object"}}, 230001),
        ({"content": "not json"}, 230001),
        ({"content": '{"text": " "}'}, 230001),
        ({"content": json.dumps({"text": "字" * 51_200}, ensure_ascii=False)}, 230025),
        ({"msg_type": "interactive", "content": json.dumps({**CARD, "x": "y" * 30_720})}, 230025),
        ({"msg_type": "interactive", "content": '{"schema": "2.0"}'}, 230099),
        ({"receive_id": "someone"}, 230001),
        ({"receive_id": ""}, 230001),
    ],
)
async def test_a_message_against_the_rules_is_refused(feishu: FeishuStage, change: dict[str, Any], code: int) -> None:
    answer = await feishu.send("好", **change)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert feishu.double.ledger.messages == []


async def test_the_sixth_message_within_a_second_must_wait(feishu: FeishuStage) -> None:
    for _ in range(5):
        assert (await feishu.send("好")).status_code == 200
    over = await feishu.send("好")
    assert (over.status_code, over.json()["code"], over.headers["x-ogw-ratelimit-reset"]) == (429, 99991400, "1")
    assert (await feishu.send("好", "oc_other")).status_code == 200
    feishu.clock.now += 1
    assert (await feishu.send("好")).status_code == 200


def test_without_a_limit_nobody_waits() -> None:
    window = RateWindow(None, Clock())
    assert [window.wait_s("oc") for _ in range(100)] == [0] * 100


async def test_cards_are_patched_texts_are_edited_and_both_recalled_by_their_sender(feishu: FeishuStage) -> None:
    card_id = await feishu.send_card(CARD)
    text_id = (await feishu.send("草稿")).json()["data"]["message_id"]
    said = await feishu.double.say(chat_id="oc_room", user_open_id="ou_li", user_name="李四", text="在吗")
    new = {"content": json.dumps({"schema": "2.0", "body": {"elements": []}})}
    edit = {"msg_type": "text", "content": '{"text": "定稿"}'}
    assert (await call(feishu, "PATCH", f"{MESSAGES}/{card_id}", json=new))["code"] == 0
    assert (await call(feishu, "PATCH", f"{MESSAGES}/{text_id}", json=new))["code"] == 230001
    assert (await call(feishu, "PUT", f"{MESSAGES}/{text_id}", json=edit))["data"]["updated"] is True
    assert (await call(feishu, "DELETE", f"{MESSAGES}/{said}"))["code"] == 230012
    assert (await call(feishu, "DELETE", f"{MESSAGES}/{text_id}"))["code"] == 0
    ledger = feishu.double.ledger
    assert ledger.message(card_id).card == json.loads(new["content"]) and ledger.message(card_id).updated
    assert (ledger.message(text_id).text, ledger.message(text_id).recalled) == ("定稿", True)
    feishu.clock.now += 14 * 86400 + 1
    assert (await call(feishu, "PATCH", f"{MESSAGES}/{card_id}", json=new))["code"] == 230031


async def test_one_card_patched_too_fast_hits_the_message_limit(feishu: FeishuStage) -> None:
    card_id = await feishu.send_card(CARD)
    body = {"content": json.dumps(CARD)}
    codes = [(await call(feishu, "PATCH", f"{MESSAGES}/{card_id}", json=body))["code"] for _ in range(6)]
    assert codes == [0] * 5 + [230020]


async def test_messages_are_read_back_and_cards_in_their_lossy_form(feishu: FeishuStage) -> None:
    said = await feishu.double.say(
        chat_id="oc_room", user_open_id="ou_li", user_name="李四", text="在吗", mention_bot=True
    )
    item = (await call(feishu, "GET", f"{MESSAGES}/{said}"))["data"]["items"][0]
    assert (item["sender"]["sender_type"], item["mentions"][0]["key"]) == ("user", "@_user_1")
    card_id = await feishu.send_card(CARD)
    item = (await call(feishu, "GET", f"{MESSAGES}/{card_id}"))["data"]["items"][0]
    shown = json.loads(item["body"]["content"])
    assert shown == {"title": "工单 TK-1001", "elements": [[{"tag": "text", "text": "**状态**：处理中"}]]}


async def test_reactions_come_and_go(feishu: FeishuStage) -> None:
    said = await feishu.double.say(chat_id="oc_room", user_open_id="ou_li", user_name="李四", text="在吗")
    body = {"reaction_type": {"emoji_type": "OnIt"}}
    made = await call(feishu, "POST", f"{MESSAGES}/{said}/reactions", json=body)
    assert feishu.double.ledger.message(said).reactions == ("OnIt",)
    await call(feishu, "DELETE", f"{MESSAGES}/{said}/reactions/{made['data']['reaction_id']}")
    assert feishu.double.ledger.message(said).reactions == ()


async def test_a_private_message_lands_in_the_chat_where_the_user_wrote(feishu: FeishuStage) -> None:
    await feishu.double.say(chat_id="oc_li", user_open_id="ou_li", user_name="李四", text="你好", chat_type="p2p")
    body = {"receive_id": "ou_li", "msg_type": "text", "content": '{"text": "<at user_id=\\"ou_li\\"></at> 您好"}'}
    sent = await call(feishu, "POST", MESSAGES, params={"receive_id_type": "open_id"}, json=body)
    assert sent["data"]["chat_id"] == "oc_li"
    assert feishu.double.ledger.texts("oc_li") == ["你好", "@李四 您好"]
    user = await call(feishu, "GET", "/open-apis/contact/v3/users/ou_li", params={"user_id_type": "open_id"})
    assert user["data"]["user"]["name"] == "李四"


async def test_files_of_messages_are_fetched_and_images_uploaded(feishu: FeishuStage) -> None:
    key = feishu.double.add_file(b"\x89PNG\r\n\x00\xff", "image/png")
    who = {"user_open_id": "ou_li", "user_name": "李四"}
    said = await feishu.double.say(chat_id="oc_room", message_type="image", content={"image_key": key}, **who)
    other = await feishu.double.say(chat_id="oc_room", text="hi", **who)
    headers, path = await feishu.login(), f"{MESSAGES}/{said}/resources/{key}"
    assert (await feishu.api.get(path, params={"type": "image"}, headers=headers)).content == b"\x89PNG\r\n\x00\xff"
    wrong = await feishu.api.get(f"{MESSAGES}/{other}/resources/{key}", params={"type": "image"}, headers=headers)
    assert wrong.json()["code"] == 234003
    upload = {"image": ("a.png", b"\x00\r\n--bytes", "image/png")}
    made = await call(feishu, "POST", "/open-apis/im/v1/images", data={"image_type": "message"}, files=upload)
    assert feishu.double.file(made["data"]["image_key"]) == (b"\x00\r\n--bytes", "image/png")


async def test_faults_answer_in_the_platforms_own_words(feishu: FeishuStage) -> None:
    faults = feishu.double.faults
    faults.next("create", http=502)
    faults.next("create", code=230020)
    faults.next("create", rate_limited=True)
    gateway, limited, slow = [await feishu.send("好") for _ in range(3)]
    assert (gateway.status_code, gateway.text) == (502, "Bad Gateway")
    assert (limited.status_code, limited.json()["code"]) == (400, 230020)
    assert (slow.status_code, slow.headers["x-ogw-ratelimit-reset"]) == (429, "1")
    token = await feishu.login()
    faults.next("bot_info", expired_token=True)
    codes = [(await feishu.api.get("/open-apis/bot/v3/info", headers=token)).json()["code"] for _ in range(2)]
    assert codes == [99991663, 99991663]
    assert await feishu.login() != token
    assert feishu.double.ledger.messages == []
    assert [one.call for one in feishu.double.ledger.calls if one.call == "create"] == ["create"] * 3


async def test_an_unknown_call_is_a_violation(feishu: FeishuStage) -> None:
    answer = await feishu.api.get("/open-apis/im/v9/nothing", headers=await feishu.login())
    assert answer.status_code == 404
    assert feishu.double.violations == ["feishu has no call GET /open-apis/im/v9/nothing"]


async def test_over_a_real_socket_a_dropped_answer_breaks_the_connection(feishu: FeishuStage) -> None:
    feishu.double.faults.next("create", drop=True)
    async with served(feishu.double.app) as base, httpx.AsyncClient(base_url=base) as api:
        stage = FeishuStage(feishu.double, feishu.bot, api, feishu.clock)
        with pytest.raises(httpx.RemoteProtocolError):
            await stage.send("好", uuid="u-9")
        assert (await stage.send("好", uuid="u-9")).json()["code"] == 0
    assert feishu.double.ledger.texts() == ["好"]
