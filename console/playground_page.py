"""The playground page: people play customers and staff; their words travel as signed, encrypted webhooks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse

from console.screens import Screens
from console.trace import latest_turns
from playground import stage as scene
from playground.stage import Stage

#: Which pane shows which chat; a Feishu p2p chat is any chat that is neither the group nor the staff's.
PANES = {scene.WECOM_GROUP: "wecom", scene.STAFF_CHAT: "staff"}
SHOWN = ("added", "updated", "recalled", "reacted")


def build(screens: Screens) -> APIRouter:
    """The page, its live stream and what one can do on it; a plain notice where no playground runs."""
    router = APIRouter(prefix="/console/playground", include_in_schema=False)
    stage = screens.stage
    if stage is None:

        @router.get("")
        async def off() -> Response:
            return PlainTextResponse("演练场没有开启：在 huiying.yaml 里写 playground: on。", 404)

        return router
    _add_views(router, screens, stage)
    _add_acts(router, stage)
    return router


def _add_views(router: APIRouter, screens: Screens, stage: Stage) -> None:
    @router.get("")
    async def page(request: Request) -> HTMLResponse:
        shown = [_seen(stage, message.as_json()) for message in stage.ledger.messages]
        context = {
            "lines": shown,
            "after": stage.ledger.last_seq,
            "members": scene.WECOM_MEMBERS,
            "customers": scene.FEISHU_CUSTOMERS,
            "staff": scene.STAFF,
            "bot_name": scene.BOT_NAME,
        }
        return screens.templates.TemplateResponse(request, "playground.html", context)

    @router.get("/events")
    async def events(request: Request, after: int = 0) -> Response:
        return StreamingResponse(_stream(screens, stage, request, after), media_type="text/event-stream")

    @router.get("/trace")
    async def trace(request: Request) -> HTMLResponse:
        turns = await screens.database.read(latest_turns)
        return screens.templates.TemplateResponse(request, "_trace.html", {"turns": turns})


def _add_acts(router: APIRouter, stage: Stage) -> None:
    @router.post("/wecom")
    async def say_in_wecom(
        person: Annotated[str, Form()], text: Annotated[str, Form()] = "", mention: Annotated[bool, Form()] = False
    ) -> Response:
        if text.strip():
            who = _persona(scene.WECOM_MEMBERS, person)
            await stage.wecom.say(
                chat_id=scene.WECOM_GROUP, user_id=who.user_id, user_name=who.name, text=text, mention_bot=mention
            )
        return Response(status_code=204)

    @router.post("/feishu")
    async def say_in_feishu(person: Annotated[str, Form()], text: Annotated[str, Form()] = "") -> Response:
        if text.strip():
            who = _persona(scene.FEISHU_CUSTOMERS, person)
            chat = f"oc_p2p_{who.user_id}"
            await stage.feishu.say(
                chat_id=chat, user_open_id=who.user_id, user_name=who.name, text=text, chat_type="p2p"
            )
        return Response(status_code=204)

    @router.post("/staff/{card}/reply")
    async def reply_in_thread(card: str, person: Annotated[str, Form()], text: Annotated[str, Form()] = "") -> Response:
        if text.strip() and stage.ledger.knows(card):
            who = _persona(scene.STAFF, person)
            await stage.feishu.reply(card, user_open_id=who.user_id, user_name=who.name, text=text)
        return Response(status_code=204)

    @router.post("/staff/{card}/press")
    async def press(card: str, person: Annotated[str, Form()], value: Annotated[str, Form()]) -> Response:
        if not stage.ledger.knows(card):
            return PlainTextResponse("", 204)
        who = _persona(scene.STAFF, person)
        answer = await stage.feishu.press(card, who.user_id, who.name, json.loads(value))
        toast = answer.get("toast", {}).get("content", "")
        return Response(status_code=204, headers={"HX-Trigger": json.dumps({"toast": toast})})


async def _stream(screens: Screens, stage: Stage, request: Request, after: int) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    async for change in stage.ledger.changes(after):
        if await request.is_disconnected():
            return
        if change["change"] not in SHOWN:
            continue
        html = screens.templates.get_template("_change.html").render(
            line=_seen(stage, change), added=change["change"] == "added", staff=scene.STAFF
        )
        lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
        yield f"id: {change['seq']}\nevent: line\n{lines}\n"


def _seen(stage: Stage, message: dict[str, Any]) -> dict[str, Any]:
    """A message of the ledger as the page shows it: its pane, its time, its card in parts."""
    card = message.get("card")
    return message | {
        "pane": PANES.get(message["chat_id"], "feishu"),
        "clock": datetime.fromtimestamp(message["at"]).astimezone().strftime("%H:%M:%S"),
        "waiting": message["kind"] == "stream" and not message["extra"].get("finish", True),
        "shown_card": _card_parts(card) if card else None,
        "buttons": stage.feishu.buttons(message["message_id"]) if card and message["platform"] == "feishu" else [],
    }


def _card_parts(card: dict[str, Any]) -> dict[str, Any]:
    """A card JSON 2.0 as title, colour and plain paragraphs."""
    header = card.get("header", {})
    texts = [
        element["content"]
        for element in card.get("body", {}).get("elements", [])
        if element.get("tag") == "markdown" and element.get("content")
    ]
    return {
        "title": header.get("title", {}).get("content", ""),
        "tone": header.get("template", "blue"),
        "texts": [text.replace("**", "") for text in texts],
    }


def _persona(choices: tuple[scene.Persona, ...], user_id: str) -> scene.Persona:
    return next((one for one in choices if one.user_id == user_id), choices[0])
