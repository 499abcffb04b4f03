"""Our calls say what the platform's sample requests say, and its sample answers mean what we take them for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channels.mp_notice import Notice, NoticeKind
from channels.mp_outbound import media_body, text_body, with_persona
from channels.wechat_api import WechatRefused, WindowClosed
from channels.wechat_errors import refusal
from conversation.errors import RetryLater
from conversation.messages import Attachment, ContentKind
from tests.channels.mp_stage import PAYLOADS, SECRET, MpStage
from tests.channels.official_account.stage import FOLDER

OPENID = "oUser_made_up_0001"


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_messages_have_the_shape_of_the_samples() -> None:
    text = {"touser": OPENID, **text_body("您的退款已受理")}
    image = {"touser": OPENID, **(media_body(Attachment(ContentKind.IMAGE, "MEDIA")) or {})}
    assert (text, image) == (sample("custom_send_text_request"), sample("custom_send_image_request"))
    assert with_persona([text], "test1@example") == [sample("custom_send_text_as_kf_request")]


def test_notices_have_the_shape_of_the_samples() -> None:
    wanted = sample("template_send_request")
    del wanted["miniprogram"]  # a link to a web page is all that a notice of ours has
    fixed = {"character_string1": "TK-1001", "time3": "2025-10-09 17:00"}
    template = Notice("TEMPLATE_ID_MADE_UP", "thing2", fixed=fixed, link="https://desk.example.invalid/t/1001")
    assert template.body(OPENID, "退款申请", "tk1001-open") == wanted
    subscription = Notice(
        "TEMPLATE_ID_MADE_UP",
        "thing1",
        NoticeKind.SUBSCRIPTION,
        fixed={"phrase2": "处理中"},
        link="https://desk.example.invalid/t/1001",
    )
    assert subscription.body(OPENID, "退款申请", "k") == sample("subscribe_bizsend_request")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("error_40001", RetryLater),
        ("error_45015", WindowClosed),
        ("error_45047", WindowClosed),
        ("error_48001", WechatRefused),
    ],
)
def test_a_sample_error_is_named_by_what_can_be_done(name: str, error: type[Exception]) -> None:
    said = sample(name)
    assert type(refusal(said["errcode"], said["errmsg"])) is error


async def test_the_other_calls_have_the_shape_of_the_samples(stage: MpStage) -> None:
    stage.double.follow(OPENID)
    await stage.channel._api.type(OPENID)
    await stage.channel._api.type(OPENID, typing=False)
    await stage.channel.hand_to_desk(OPENID, "test1@example")
    sent = {call.call: call.body for call in stage.double.ledger.calls}
    typed = [call.body for call in stage.double.ledger.calls if call.call == "typing"]
    assert typed == [sample("custom_typing_request"), sample("custom_typing_cancel_request")]
    assert sent["kfsession"] == sample("kfsession_create_request")
    # Without force_refresh the platform keeps the token that it has given, which is what false means too.
    wanted = sample("stable_token_request")
    del wanted["force_refresh"]
    assert {**sent["token"], "secret": SECRET} == wanted
