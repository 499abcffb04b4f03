"""What the platform does with an answer of the bot: checks it against the rules, shows it in the chat.

Protocol: https://developer.work.weixin.qq.com/document/path/101031 (replies), /101138 (response_url).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from playground.ledger import DoubleLedger

CONTENT_LIMIT = 20480  # bytes of UTF-8: document/path/101031
FEEDBACK_ID_LIMIT = 256
IMAGE_LIMIT = 10 * 1024 * 1024
IMAGES_LIMIT = 10

Asked = Literal["message", "refresh", "enter_chat", "template_card_event", "feedback_event"]

ALLOWED: dict[Asked, frozenset[str]] = {
    "message": frozenset({"stream", "template_card", "stream_with_template_card"}),
    "refresh": frozenset({"stream", "stream_with_template_card"}),
    "enter_chat": frozenset({"text", "template_card"}),
    "template_card_event": frozenset({"update_template_card"}),
    "feedback_event": frozenset(),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What the bot was asked, and where. In a single chat `chat_id` is the user id and `group` is False."""

    msgid: str
    chat_id: str
    user_id: str
    group: bool
    asked: Asked
    at: float
    card_message_id: str | None = None


@dataclass(slots=True)
class Stream:
    """One bot bubble that is being written; `question` is the message that opened it."""

    stream_id: str
    question: Question
    bubble_id: str
    finished: bool = False
    card_sent: bool = False


class WecomAnswers:
    """Applies answers to the ledger. A broken rule is recorded as a violation and the answer is not shown."""

    def __init__(self, ledger: DoubleLedger, bot_id: str, bot_name: str, clock: Callable[[], float]) -> None:
        self.streams: dict[str, Stream] = {}
        self._ledger = ledger
        self._bot_id = bot_id
        self._bot_name = bot_name
        self._clock = clock

    def apply(self, question: Question, answer: dict[str, Any], refreshed: Stream | None = None) -> Stream | None:
        """Show a decrypted answer. Gives a stream that this answer opened and did not finish."""
        kind = str(answer.get("response_type") or answer.get("msgtype"))
        asked: Asked = "refresh" if refreshed else question.asked
        if kind not in ALLOWED[asked]:
            self._broken(question, f"{kind!r} is no answer to {asked}")
            return None
        if kind == "text":
            self.show(question, "text", str(answer.get("text", {}).get("content", "")))
        if kind == "update_template_card":
            self._update_card(question, answer)
        opened = self._stream(question, answer.get("stream") or {}, refreshed) if "stream" in kind else None
        if kind == "template_card":
            self.show_card(question, answer.get("template_card"))
        if kind == "stream_with_template_card":
            self._card_of_stream(question, answer)
        return opened if opened and not opened.finished and not refreshed else None

    def show(
        self,
        question: Question,
        kind: str,
        content: str,
        reply_to: str | None = None,
        card: dict[str, Any] | None = None,
        **extra: Any,
    ) -> str:
        """Put a bot message in the question's chat; gives its message id."""
        message_id = f"bot{secrets.token_hex(10)}"
        self._ledger.add(
            platform="wecom",
            chat_id=question.chat_id,
            message_id=message_id,
            sender=self._bot_id,
            sender_name=self._bot_name,
            sender_role="bot",
            kind=kind,
            at=self._clock(),
            reply_to=reply_to,
            card=card,
            **_visible(content, {**extra, "user_id": question.user_id, "group": question.group}),
        )
        return message_id

    def show_card(self, question: Question, card: Any, reply_to: str | None = None) -> bool:
        """Put a template card in the chat; False and a violation if it breaks a rule."""
        problem = card_problem(card)
        if problem:
            self._broken(question, problem)
            return False
        feedback_id = card.get("feedback", {}).get("id")
        self.show(question, "card", card_words(card), reply_to, card, feedback_id=feedback_id)
        return True

    def _stream(self, question: Question, piece: dict[str, Any], refreshed: Stream | None) -> Stream | None:
        stream_id = piece.get("id")
        known = self.streams.get(str(stream_id))
        problem = stream_problem(piece, refreshed is None)
        if refreshed and stream_id != refreshed.stream_id:
            problem = problem or f"refresh of stream {refreshed.stream_id} answered with {stream_id}"
        if known and known.question.msgid != question.msgid:
            problem = problem or f"stream id {stream_id} is used for another message"
        if problem:
            self._broken(question, problem)
            return None
        if known:
            self._rewrite(known, piece)
            return None
        return self._open(question, piece)

    def _open(self, question: Question, piece: dict[str, Any]) -> Stream:
        state = {"stream_id": piece["id"], "finish": piece["finish"], "images": len(piece.get("msg_item") or [])}
        state["feedback_id"] = (piece.get("feedback") or {}).get("id")
        bubble_id = self.show(question, "stream", str(piece.get("content", "")), question.msgid, **state)
        opened = Stream(piece["id"], question, bubble_id, piece["finish"])
        self.streams[opened.stream_id] = opened
        return opened

    def _rewrite(self, stream: Stream, piece: dict[str, Any]) -> None:
        # Content is the whole text so far, not a delta; a finished stream no longer changes: document/path/101031.
        if stream.finished:
            return
        stream.finished = piece["finish"]
        before = self._ledger.message(stream.bubble_id)
        state = {"finish": piece["finish"], "images": len(piece.get("msg_item") or [])}
        fields = _visible(str(piece.get("content", "")), {**before.extra, **state})
        if (fields["text"], fields["extra"]) != (before.text, before.extra):
            self._ledger.change(stream.bubble_id, updated=True, **fields)

    def _card_of_stream(self, question: Question, answer: dict[str, Any]) -> None:
        stream = self.streams.get(str(answer.get("stream", {}).get("id")))
        if stream is None:
            return
        if stream.card_sent:
            self._broken(question, f"stream {stream.stream_id} sent its card twice")
        else:
            stream.card_sent = self.show_card(question, answer.get("template_card"))

    def _update_card(self, question: Question, answer: dict[str, Any]) -> None:
        card: dict[str, Any] = answer.get("template_card") or {}
        message_id = question.card_message_id
        if message_id is None:
            return
        before = self._ledger.message(message_id).card or {}
        problem = card_problem(card)
        if not problem and card.get("task_id") != before.get("task_id"):
            problem = "a card update must keep the task_id"
        if not problem and answer.get("userids") and not question.group:
            problem = "userids in a card update is for groups only"
        if problem:
            self._broken(question, problem)
            return
        self._ledger.change(message_id, card=card, updated=True, text=card_words(card))

    def _broken(self, question: Question, problem: str) -> None:
        self._ledger.violation(f"wecom {question.asked} {question.msgid}: {problem}")


def stream_problem(piece: dict[str, Any], first: bool) -> str | None:
    """Give the rule that a stream reply breaks, in words, or None."""
    images = piece.get("msg_item") or []
    feedback = piece.get("feedback")
    size = len(str(piece.get("content", "")).encode())
    checks = [
        (not isinstance(piece.get("id"), str) or not piece.get("id"), "a stream needs an id"),
        (not isinstance(piece.get("finish"), bool), "finish must be true or false"),
        (size > CONTENT_LIMIT, f"content of {size} bytes is over {CONTENT_LIMIT}"),
        (bool(images) and piece.get("finish") is not True, "msg_item is allowed only with finish: true"),
        (len(images) > IMAGES_LIMIT, f"more than {IMAGES_LIMIT} images"),
        (feedback is not None and not first, "feedback is allowed only in the first reply of a stream"),
        (len(str((feedback or {}).get("id", "")).encode()) > FEEDBACK_ID_LIMIT, "feedback id is too long"),
        (not all(_image_is_whole(item) for item in images), "an image does not fit its md5 or the size limit"),
    ]
    return next((text for broken, text in checks if broken), None)


def card_problem(card: Any) -> str | None:
    """Give the rule that a template card breaks, in words, or None."""
    if not isinstance(card, dict) or not card.get("card_type"):
        return "a template card needs a card_type"
    task_id = str(card.get("task_id", ""))
    buttons = card.get("button_list") or []
    checks = [
        (bool(task_id) and not re.fullmatch(r"[0-9A-Za-z_\-@]{1,128}", task_id), "task_id has illegal characters"),
        (card["card_type"] == "button_interaction" and not (task_id and buttons), "buttons need a task_id and a list"),
        (len(buttons) > 6, "more than 6 buttons"),
        (any(len(str(button.get("key", "")).encode()) > 1024 for button in buttons), "a button key is too long"),
        (len(card.get("horizontal_content_list") or []) > 6, "more than 6 horizontal_content_list rows"),
        (len(card.get("jump_list") or []) > 3, "more than 3 jump_list rows"),
    ]
    return next((text for broken, text in checks if broken), None)


def card_words(card: dict[str, Any]) -> str:
    """Give the words on a template card, one part a line."""
    title = card.get("main_title", {})
    parts = [title.get("title"), title.get("desc"), card.get("sub_title_text")]
    return "\n".join(part for part in parts if part)


def _image_is_whole(item: dict[str, Any]) -> bool:
    image = item.get("image", {})
    try:
        content = base64.b64decode(image.get("base64", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(content) <= IMAGE_LIMIT and hashlib.md5(content, usedforsecurity=False).hexdigest() == image.get("md5")


def _visible(content: str, extra: dict[str, Any]) -> dict[str, Any]:
    # <think>…</think> renders as thinking, not as words of the bot; an open one is still going on.
    thinking = re.findall(r"<think>(.*?)(?:</think>|$)", content, re.DOTALL)
    text = re.sub(r"<think>.*?(?:</think>|$)", "", content, flags=re.DOTALL)
    return {"text": text, "extra": {**extra, "content": content, "thinking": "".join(thinking)}}
