"""One conversation with every turn's reasons under the line it led to."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from console.conversation_view import view
from console.screens import Screens
from console.trace import TurnTrace
from conversation.findings import Emotion

SPARK_HEIGHT = 24
SPARK_STEP = 14
SPARK_POINTS = 16


def build(screens: Screens) -> APIRouter:
    """One page per conversation."""
    router = screens.router("/console")

    @router.get("/conversations/{conversation_id}")
    async def one(request: Request, conversation_id: str, before: int = 0, seen: str = "") -> Response:
        found = await screens.database.read(lambda connection: view(connection, conversation_id, before=before))
        if found is None:
            return screens.missing(request, "这个对话")
        if seen and seen == found.seen:
            return Response(status_code=204)
        context = {"view": found, "row": found.row, "spark": spark(found.moods), "live": before <= 0}
        return screens.page(request, "conversation.html", context)

    return router


def spark(moods: Sequence[tuple[TurnTrace, Emotion]]) -> list[tuple[int, float, TurnTrace, Emotion]]:
    """The mood curve as points (x, y, turn, mood): low is unhappy. Empty for fewer than two turns."""
    shown = moods[-SPARK_POINTS:]
    if len(shown) < 2:
        return []
    middle, reach = SPARK_HEIGHT / 2, SPARK_HEIGHT / 2 - 4
    return [
        (4 + place * SPARK_STEP, round(middle - max(-1.0, min(1.0, mood.valence)) * reach, 1), turn, mood)
        for place, (turn, mood) in enumerate(shown)
    ]
