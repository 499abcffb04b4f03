"""Our messages as Feishu calls, and what a customer's words can never do on the way."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from channels.feishu.cards import to_card
from channels.feishu.markup import at, markdown, plain
from channels.feishu.outbound import CARD_LIMIT, TEXT_LIMIT, as_text_call, receiver_of, to_call, to_uuid
from conversation.errors import GiveUp
from conversation.identity import Person, Room, RoomKind
from conversation.messages import Button, ButtonStyle, Card, CardTone, OutgoingMessage
from playground.feishu_content import card_buttons, card_problem
from tests.channels.feishu.stage import GROUP, sample

DIRECT = Room("feishu", "main", "oc_p2p", RoomKind.DIRECT)
LI_SI = Person("ou_84aad35d084aa403a838cf73ee18madeup", "李四")
CARD = Card(
    title="需要人工 · 退款",
    sections=(("客户", "李四 · 售后群"), ("诉求", "退款")),
    buttons=(
        Button("接单", {"action": "take", "handoff": "ho_1"}, ButtonStyle.PRIMARY),
        Button("已解决", {"action": "resolve", "handoff": "ho_1"}),
        Button("拉黑", {"action": "ban"}, ButtonStyle.DANGER),
    ),
    tone=CardTone.URGENT,
    note="在本话题里直接回复",
)
HOSTILE = (
    '</at><at user_id="all">所有人</at> **粗** [点我](https://evil.example) <font color=red>x</font> ![a](b) ~~x~~ `y`'
)


def content(call: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call.body["content"])
    return found


def test_a_text_goes_to_its_chat_under_a_hashed_key() -> None:
    call = to_call(OutgoingMessage(DIRECT, "预计明天发货"), "turn-1:0")
    assert (call.method, call.path, call.params) == ("POST", "im/v1/messages", {"receive_id_type": "chat_id"})
    assert call.body is not None
    assert call.body["receive_id"] == "oc_p2p"
    assert (call.body["msg_type"], content(call)) == ("text", {"text": "预计明天发货"})
    assert call.body["uuid"] == to_uuid("turn-1:0")
    assert not call.harmless


def test_a_mention_in_a_group_has_the_form_of_the_platforms_sample() -> None:
    call = to_call(OutgoingMessage(GROUP, "工单已创建", at=LI_SI), "k")
    assert content(call) == json.loads(sample("feishu/send_text_request")["content"])
    assert content(to_call(OutgoingMessage(DIRECT, "工单已创建", at=LI_SI), "k")) == {"text": "工单已创建"}


def test_an_answer_to_a_message_is_a_reply() -> None:
    call = to_call(OutgoingMessage(GROUP, "预计明天发货", reply_to="om/1"), "k")
    assert call.path == "im/v1/messages/om%2F1/reply"
    assert call.body is not None
    assert set(call.body) == set(sample("feishu/reply_text_request"))
    assert call.body["reply_in_thread"] is False
    threaded = to_call(OutgoingMessage(GROUP, "好", reply_to="om_1", in_thread=True), "k")
    assert threaded.body is not None
    assert threaded.body["reply_in_thread"] is True


def test_keys_of_any_length_become_different_uuids_of_fifty_signs_at_most() -> None:
    keys = ["", "a", "a" * 500, "a" * 501, "订单"]
    uuids = {to_uuid(key) for key in keys}
    assert len(uuids) == len(keys)
    assert all(len(uuid) <= 50 for uuid in uuids)
    assert to_uuid("a") == to_uuid("a")


@pytest.mark.parametrize(
    ("chat_id", "id_type"),
    [("oc_1", "chat_id"), ("ou_1", "open_id"), ("on_1", "union_id"), ("a@b.cn", "email"), ("e33ggbyz", "user_id")],
)
def test_the_kind_of_receiver_is_read_from_its_id(chat_id: str, id_type: str) -> None:
    assert receiver_of(chat_id) == id_type


def test_a_card_is_a_card_of_schema_two() -> None:
    card = to_card(CARD)
    assert card_problem(card) is None
    assert (card["schema"], card["config"]) == ("2.0", {"update_multi": True})
    assert card["header"] == {"title": {"tag": "plain_text", "content": CARD.title}, "template": "red"}
    elements = card["body"]["elements"]
    assert [one["tag"] for one in elements] == ["markdown", "markdown", "column_set", "markdown"]
    assert elements[0]["content"] == "**客户**：李四 · 售后群"
    assert elements[3]["text_size"] == "notation"
    assert [button["value"] for button in card_buttons(card)] == [dict(one.value) for one in CARD.buttons]
    kinds = [column["elements"][0]["type"] for column in elements[2]["columns"]]
    assert kinds == ["primary", "default", "danger"]


@pytest.mark.parametrize(("tone", "colour"), [(tone, tone.value) for tone in CardTone])
def test_the_tone_is_the_colour_of_the_head(tone: CardTone, colour: str) -> None:
    assert to_card(Card("t", (), tone=tone))["header"]["template"] == colour


def test_a_card_is_sent_replied_or_put_in_an_older_ones_place() -> None:
    sent = to_call(OutgoingMessage(GROUP, card=CARD), "k")
    assert sent.body is not None
    assert (sent.body["msg_type"], content(sent)) == ("interactive", to_card(CARD))
    changed = to_call(OutgoingMessage(GROUP, card=CARD, updates="om_old"), "k")
    assert (changed.method, changed.path, content(changed)) == ("PATCH", "im/v1/messages/om_old", to_card(CARD))
    assert changed.harmless


def test_a_card_over_the_limit_goes_as_text() -> None:
    big = Card("大", (("内容", "字" * CARD_LIMIT),))
    call = to_call(OutgoingMessage(GROUP, card=big), "k")
    assert call.body is not None
    assert call.body["msg_type"] == "text"
    assert content(call)["text"].startswith("【大】\n内容：字字")
    assert call.body["uuid"] != to_uuid("k")
    instead = to_call(OutgoingMessage(GROUP, card=big, updates="om_old"), "k")
    assert instead.path == "im/v1/messages/om_old/reply"


def test_words_that_are_to_change_a_card_answer_it_instead() -> None:
    call = to_call(OutgoingMessage(GROUP, "已解决", updates="om_old"), "k")
    assert (call.method, call.path) == ("POST", "im/v1/messages/om_old/reply")


@pytest.mark.parametrize("text", ["字" * 60_000, "😀" * 50_000, '"\\' * 60_000, "a" * 200_000])
def test_a_text_over_the_limit_is_cut_to_what_feishu_takes(text: str) -> None:
    call = to_call(OutgoingMessage(DIRECT, text), "k")
    assert call.body is not None
    assert TEXT_LIMIT * 0.9 < len(call.body["content"].encode()) <= TEXT_LIMIT
    assert content(call)["text"].endswith("…")
    whole = to_call(OutgoingMessage(DIRECT, "字" * 51_000), "k")
    assert content(whole)["text"] == "字" * 51_000


def test_half_an_emoji_does_not_stop_a_message() -> None:
    call = to_call(OutgoingMessage(DIRECT, "好\ud83d"), "k")
    assert call.body is not None
    assert call.body["content"].isascii()


@pytest.mark.parametrize(
    "message", [OutgoingMessage(DIRECT), OutgoingMessage(DIRECT, " \n"), OutgoingMessage(GROUP, "", at=LI_SI)]
)
def test_a_message_without_words_and_card_is_given_up(message: OutgoingMessage) -> None:
    with pytest.raises(GiveUp):
        to_call(message, "k")


def test_hostile_words_mention_nobody_and_hide_no_address() -> None:
    text = content(to_call(OutgoingMessage(GROUP, HOSTILE, at=LI_SI), "k"))["text"]
    assert re.findall(r"<\w+[^>]*>", text) == [f'<at user_id="{LI_SI.person_id}">']
    assert "[点我] (https://evil.example)" in text
    assert plain("1 < 2 <= 3 <3 x<y") == "1 < 2 <= 3 <3 x＜y"


def test_a_hostile_name_or_id_cannot_leave_the_mention() -> None:
    assert at("ou_1", '</at><at user_id="all">') == '<at user_id="ou_1">/atat user_id=all</at>'
    assert at("all", "所有人") == ""
    assert at('ou_1" x="', "李四") == ""
    message = OutgoingMessage(GROUP, "好", at=Person("all", "所有人"))
    assert content(to_call(message, "k")) == {"text": "好"}


@given(st.text(alphabet=st.sampled_from('<>/at user_id="all![](){}*_~`#-+|\\&;39ou字 \n')))
def test_no_words_whatever_become_a_tag_or_a_link_in_a_text(words: str) -> None:
    safe = plain(words)
    assert not re.search(r"<\s{0}[/!?]?[A-Za-z]", safe)
    assert "](" not in safe


def rendered(words: str) -> list[str]:
    """The kinds of markup that a CommonMark reader with tables and strike-through finds."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = []
    for block in reader.parse(words):
        found.append(block.type)
        found += [child.type for child in block.children or []]
    return [kind for kind in found if kind not in ("paragraph_open", "paragraph_close", "inline", "text", "softbreak")]


def shown(words: str) -> str:
    return re.sub(r"&#(\d+);", lambda sign: chr(int(sign[1])), words)


def test_hostile_words_are_shown_as_written_in_a_card() -> None:
    safe = markdown(HOSTILE)
    assert rendered(safe) == []
    assert shown(safe) == HOSTILE
    assert (
        markdown("订单 12345-A，见 https://x.example/a_b?c=1&d=2") == "订单 12345-A，见 https://x.example/a_b?c=1&d=2"
    )


@given(st.text(alphabet=st.sampled_from("<>/at [](){}!*_~`#-+=|\\&;#39ab字:.\n")))
def test_no_words_whatever_are_markup_in_a_card(words: str) -> None:
    flat = "\n".join(line.strip() for line in words.split("\n"))
    safe = markdown(flat)
    assert shown(safe) == flat
    # A blank line or a hard break parts words, which harms nobody.
    assert [kind for kind in rendered(safe) if kind != "hardbreak"] == []


def test_a_hostile_title_button_or_section_stays_words() -> None:
    card = to_card(Card(HOSTILE, ((HOSTILE, HOSTILE),), (Button(HOSTILE, {"a": HOSTILE}),), note=HOSTILE))
    assert card["header"]["title"] == {"tag": "plain_text", "content": HOSTILE}
    assert card_buttons(card)[0] == {"text": HOSTILE, "value": {"a": HOSTILE}}
    for element in (card["body"]["elements"][0], card["body"]["elements"][2]):
        assert "<" not in element["content"]
        assert "](" not in element["content"]


def test_a_card_without_title_buttons_or_note_is_still_a_card() -> None:
    card = to_card(Card("", (("", "只有一句"), ("", ""))))
    assert "header" not in card
    assert card["body"]["elements"] == [{"tag": "markdown", "content": "只有一句"}]


def test_the_text_of_a_refused_card_names_the_asker_too() -> None:
    call = as_text_call(OutgoingMessage(GROUP, card=CARD, at=LI_SI), "k")
    assert content(call)["text"].startswith(f'<at user_id="{LI_SI.person_id}">李四</at> 【需要人工 · 退款】')
