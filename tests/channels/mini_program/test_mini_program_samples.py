"""Our calls say what the platform's sample requests say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channels.mini_program.outbound import to_bodies
from conversation.identity import Room, RoomKind
from conversation.messages import Attachment, ContentKind, OutgoingMessage
from tests.channels.mini_program.stage import FOLDER, with_settings
from tests.channels.mp_stage import PAYLOADS

OPENID = "oMini_made_up_0001"
ROOM = Room("mini_program", "main", OPENID, RoomKind.DIRECT)
SETTINGS = with_settings(thumb_media_id="MEDIA", thumb_url="https://help.example.invalid/t.png")
PAGE = Attachment(ContentKind.CARD, "pages/ticket?id=1001", "我的工单")
LINK = Attachment(ContentKind.LINK, "https://help.example.invalid/", "退换货说明")


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("custom_send_text_request", OutgoingMessage(ROOM, text="预计周五到货")),
        (
            "custom_send_image_request",
            OutgoingMessage(ROOM, attachments=(Attachment(ContentKind.IMAGE, "MEDIA"),)),
        ),
        ("custom_send_miniprogrampage_request", OutgoingMessage(ROOM, attachments=(PAGE,))),
        ("custom_send_link_request", OutgoingMessage(ROOM, attachments=(LINK,))),
    ],
)
def test_a_message_has_the_shape_of_the_sample(name: str, message: OutgoingMessage) -> None:
    wanted = sample(name)
    if "link" in wanted:
        wanted["link"]["description"] = ""  # an attachment of ours has a name and an address
    (body,) = to_bodies(message, SETTINGS).calls
    assert {"touser": OPENID, **body} == wanted
