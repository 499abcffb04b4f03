"""What one can do on the playground: speak as a customer or as staff, press a card, and make the platform misbehave.

Every word leaves as a signed, encrypted webhook; the answer to a form is at most a short notice for the person at it.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.responses import Response

from playground import stage as scene
from playground.ledger import Message
from playground.stage import Stage

WORDS_LIMIT = 2000
Words = Annotated[str, Form()]


def add_acts(router: APIRouter, stage: Stage) -> None:
    """The forms of the page."""
    _add_customers(router, stage)
    _add_staff(router, stage)
    _add_proofs(router, stage)


def notice(text: str = "", status: int = 204) -> Response:
    """Nothing to swap in; `text` appears for a moment at the foot of the page."""
    return Response(status_code=status, headers={"HX-Trigger": json.dumps({"toast": text})} if text else None)


def unusable(text: str) -> Response | None:
    """The answer to words that are not sent: nothing to a blank, a notice to what is too long."""
    if not text.strip():
        return notice()
    return notice(f"太长了：最多 {WORDS_LIMIT} 个字", 422) if len(text) > WORDS_LIMIT else None


def _add_customers(router: APIRouter, stage: Stage) -> None:
    @router.post("/wecom")
    async def say_in_wecom(person: Words, text: Words = "", mention: Annotated[bool, Form()] = False) -> Response:
        if (refusal := unusable(text)) is not None:
            return refusal
        who = persona(scene.WECOM_MEMBERS, person)
        await stage.wecom.say(
            chat_id=scene.WECOM_GROUP, user_id=who.user_id, user_name=who.name, text=text, mention_bot=mention
        )
        return notice()

    @router.post("/feishu")
    async def say_in_feishu(person: Words, text: Words = "") -> Response:
        if (refusal := unusable(text)) is not None:
            return refusal
        who = persona(scene.FEISHU_CUSTOMERS, person)
        await stage.feishu.say(
            chat_id=chat_of(who), user_open_id=who.user_id, user_name=who.name, text=text, chat_type="p2p"
        )
        return notice()


def _add_staff(router: APIRouter, stage: Stage) -> None:
    @router.post("/staff/{card}/reply")
    async def reply_in_thread(card: str, person: Words, text: Words = "") -> Response:
        if not stage.ledger.knows(card):
            return notice("这张卡片已经不在了，刷新页面看看", 404)
        if (refusal := unusable(text)) is not None:
            return refusal
        who = persona(scene.STAFF, person)
        await stage.feishu.reply(card, user_open_id=who.user_id, user_name=who.name, text=text)
        return notice()

    @router.post("/staff/{card}/press")
    async def press(card: str, person: Words, value: Words) -> Response:
        if not stage.ledger.knows(card):
            return notice("这张卡片已经不在了，刷新页面看看", 404)
        wish = _object(value)
        if wish is None:
            return notice("这个按钮已经失效", 422)
        who = persona(scene.STAFF, person)
        answer = await stage.feishu.press(card, who.user_id, who.name, wish)
        return notice(answer.get("toast", {}).get("content", ""))


def _add_proofs(router: APIRouter, stage: Stage) -> None:
    @router.post("/wecom/again")
    async def wecom_again() -> Response:
        last = _last_delivered(stage, scene.WECOM_GROUP)
        if last is None:
            return notice("还没有送到机器人的消息，先发一条")
        await stage.wecom.redeliver(last.message_id)
        return notice("平台把上一条又投递了一次：不会多出一个回答")

    @router.post("/feishu/again")
    async def feishu_again(person: Words) -> Response:
        last = _last_delivered(stage, chat_of(persona(scene.FEISHU_CUSTOMERS, person)))
        if last is None:
            return notice("还没有消息，先发一条")
        await stage.feishu.redeliver(last.message_id)
        return notice("平台把上一条又投递了一次：不会多出一个回答")

    @router.post("/feishu/fail")
    async def feishu_fails() -> Response:
        stage.feishu.faults.next("reply", drop=True)
        return notice("下一次回复：平台会收下，但回执会丢。再发一句看看会不会重复")


def _last_delivered(stage: Stage, chat_id: str) -> Message | None:
    said = [one for one in stage.ledger.of(chat_id, role="customer") if not one.extra.get("undelivered")]
    return said[-1] if said else None


def chat_of(customer: scene.Persona) -> str:
    """The chat id of a Feishu customer and the bot."""
    return f"oc_p2p_{customer.user_id}"


def persona(choices: tuple[scene.Persona, ...], user_id: str) -> scene.Persona:
    """The chosen person; the first one for an id that nobody has."""
    return next((one for one in choices if one.user_id == user_id), choices[0])


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
