"""Replay: the counting finds what it must find, and the real service comes through the fault ladder."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from conversation.errors import BadDocument
from evals.replay.counts import Counts, Meant, count
from evals.replay.ladder import Fate, FaultLadder
from evals.replay.run import replay
from evals.replay.traffic import made_traffic, read_traffic, scenes
from playground.ledger import Delivery, DoubleLedger, Message

SAMPLE = Path(__file__).resolve().parents[2] / "evals" / "replay" / "sample_traffic.jsonl"


class Chat:
    """A ledger written by hand: what people said and what came back, in order."""

    def __init__(self) -> None:
        self.ledger = DoubleLedger()
        self.now = 0.0

    def _add(self, message_id: str, role: str, **fields: Any) -> Message:
        self.now += 1
        plain = {"platform": "feishu", "chat_id": "c1", "sender": "u1", "sender_name": "王芳", "kind": "text"}
        fields = {**plain, "text": message_id, "at": self.now, "extra": {}, **fields}
        return self.ledger.add(message_id=message_id, sender_role=role, **fields)

    def heard(self, message_id: str, *outcomes: str, **fields: Any) -> None:
        self._add(message_id, "customer", **fields)
        for outcome in outcomes or ("answered",):
            self.posted(message_id, outcome)

    def posted(self, message_id: str, outcome: str = "answered") -> None:
        self.ledger.delivered(Delivery("feishu", message_id, "text", self.now, outcome, 200))  # type: ignore[arg-type]

    def replied(self, to: str | None, text: str = "答复", **fields: Any) -> str:
        message_id = f"r{len(self.ledger.messages)}"
        self._add(message_id, "bot", reply_to=to, text=text, **{"sender": "bot", **fields})
        return message_id

    def count(self, **meant: tuple[str, str]) -> Counts:
        """`meant` names turn and reply of messages; every other message has a turn of its own that says 答复."""
        ledger = self.ledger
        known = {one.message_id: Meant(f"turn of {one.message_id}", "答复") for one in ledger.of(role="customer")}
        known |= {message_id: Meant(*pair) for message_id, pair in meant.items()}
        known = {message_id: one for message_id, one in known.items() if one.turn_id}
        return count(ledger.messages, ledger.deliveries, ledger.violations, meant=known, staff_chats=("staff",))


@pytest.fixture
def chat() -> Chat:
    return Chat()


def test_a_question_and_its_reply_are_clean(chat: Chat) -> None:
    chat.heard("m1")
    chat.replied("m1", "@王芳 答复")
    counts = chat.count()
    assert counts.clean
    assert (counts.messages, counts.answered, counts.silent, counts.unprompted) == (1, 1, 0, 0)


def test_a_message_that_nobody_answered_is_lost_unless_its_turn_was_silent(chat: Chat) -> None:
    chat.heard("m1")
    chat.heard("m2")
    counts = chat.count(m2=("t", ""))
    assert (counts.lost, counts.silent) == (1, 1)
    assert not counts.clean
    assert "m1" in counts.details[0]


def test_a_message_that_no_turn_knows_is_lost(chat: Chat) -> None:
    chat.heard("m1")
    chat.replied("m1", "别的话")
    assert chat.count(m1=("", "")).lost == 1


def test_a_reply_in_other_words_than_its_turn_meant_does_not_count(chat: Chat) -> None:
    chat.heard("m1")
    chat.replied("m1", "答非所问")
    counts = chat.count(m1=("t", "满 79 元包邮"))
    assert (counts.lost, counts.unprompted) == (1, 1)


def test_a_message_that_was_never_delivered_is_not_ours_to_lose(chat: Chat) -> None:
    chat._add("m1", "customer", extra={"undelivered": "the bot was not mentioned"})
    counts = chat.count()
    assert (counts.messages, counts.unheard, counts.lost) == (0, 1, 0)


def test_the_same_reply_twice_is_a_duplicate(chat: Chat) -> None:
    chat.heard("m1")
    chat.replied("m1")
    chat.replied("m1")
    assert chat.count().duplicates == 1


def test_two_different_replies_to_one_message_are_a_duplicate(chat: Chat) -> None:
    chat.heard("m1")
    chat.replied("m1")
    chat.replied("m1", "另一个答案")
    assert chat.count().duplicates == 1


def test_two_replies_to_one_burst_are_a_duplicate_even_at_different_messages(chat: Chat) -> None:
    chat.heard("m1")
    chat.heard("m2")
    chat.replied("m1")
    chat.replied("m2")
    assert chat.count(m1=("t", "答复"), m2=("t", "答复")).duplicates == 1
    assert chat.count().clean


def test_one_reply_answers_the_burst_but_not_what_came_after_it(chat: Chat) -> None:
    chat.heard("m1")
    chat.heard("m2")
    chat.replied("m2")
    chat.heard("m3")
    burst = ("t", "答复")
    assert chat.count(m1=burst, m2=burst, m3=burst).lost == 1


def test_a_bubble_that_is_never_finished_is_no_answer(chat: Chat) -> None:
    chat.heard("m1", platform="wecom")
    begun = {"finish": False, "user_id": "u1"}
    bubble = chat.replied("m1", "正在为您查询…", platform="wecom", kind="stream", extra=begun)
    assert chat.count().lost == 1
    chat.ledger.change(bubble, text="答复", extra={**begun, "finish": True})
    assert chat.count().clean


def test_a_bubble_may_bring_the_answer_to_a_later_message_of_the_same_person(chat: Chat) -> None:
    begun = {"finish": False, "user_id": "u1"}
    chat.heard("m1", platform="wecom")
    bubble = chat.replied("m1", "正在为您查询…", platform="wecom", kind="stream", extra=begun)
    chat.heard("m2", platform="wecom")
    chat.ledger.change(bubble, text="第二个答复", extra={**begun, "finish": True})
    counts = chat.count(m1=("t1", ""), m2=("t2", "第二个答复"))
    assert counts.clean
    assert (counts.answered, counts.silent) == (1, 1)


def test_a_bubble_and_a_second_message_by_its_url_are_a_duplicate(chat: Chat) -> None:
    said = {"platform": "wecom", "extra": {"finish": True, "user_id": "u1"}}
    chat.heard("m1", platform="wecom")
    chat.replied("m1", kind="stream", **said)
    chat.replied(None, **said)
    assert chat.count().duplicates == 1


def test_replies_in_the_wrong_order_are_found(chat: Chat) -> None:
    chat.heard("m1")
    chat.heard("m2")
    chat.replied("m2", "二")
    chat.replied("m1", "一")
    counts = chat.count(m1=("t1", "一"), m2=("t2", "二"))
    assert counts.reordered == 1
    assert "m1" in counts.details[0]


def test_replies_to_different_people_have_no_order(chat: Chat) -> None:
    chat.heard("m1")
    chat.heard("m2", sender="u2")
    chat.replied("m2")
    chat.replied("m1")
    assert chat.count().clean


def test_a_message_whose_acknowledgement_got_lost_may_be_answered_first_or_later(chat: Chat) -> None:
    chat.heard("m1", "late")
    chat.heard("m2")
    chat.replied("m2", "二")
    chat.posted("m1")
    chat.replied("m1", "一")
    assert chat.count(m1=("t1", "一"), m2=("t2", "二")).reordered == 0


def test_staff_cards_and_reminders_are_no_replies(chat: Chat) -> None:
    chat.heard("m1")
    chat.replied("m1")
    chat.replied(None, "提醒")
    chat.replied(None, "卡片", chat_id="staff")
    counts = chat.count()
    assert (counts.unprompted, counts.duplicates) == (1, 0)


def test_the_ladder_draws_the_same_fates_from_the_same_seed() -> None:
    ladders = [FaultLadder(4), FaultLadder(4), FaultLadder(5)]
    fates = [[ladder.fate(number) for number in range(60)] for ladder in ladders]
    assert fates[0] == fates[1] != fates[2]
    assert set(fates[0]) == set(Fate)


def test_made_traffic_is_the_same_for_a_seed_and_has_as_many_lines_as_asked() -> None:
    assert made_traffic(50, 3) == made_traffic(50, 3) != made_traffic(50, 4)
    assert len(made_traffic(51, 3)) == 51


def test_scenes_are_cut_at_pauses_and_lose_no_line() -> None:
    lines = made_traffic(120, 1)
    cut = scenes(lines)
    assert [line for act in cut for line in act] == lines
    assert len(cut) > 1
    assert all(later[0].t - earlier[-1].t >= 60 for earlier, later in itertools.pairwise(cut))


def test_the_sample_traffic_can_be_read() -> None:
    lines = read_traffic(SAMPLE)
    assert len(lines) >= 60
    assert {line.platform for line in lines} == {"wecom", "feishu"}


@pytest.mark.parametrize(
    "row", ["{", '{"t": 1}', '{"t": "x", "platform": "wecom", "sender": "a", "text": "b"}', "[]", ""]
)
def test_traffic_that_cannot_be_read_names_the_row(tmp_path: Path, row: str) -> None:
    path = tmp_path / "traffic.jsonl"
    path.write_text(row)
    with pytest.raises(BadDocument, match=r"row 1|no rows"):
        read_traffic(path)


@pytest.mark.timeout(240)
async def test_a_short_replay_under_faults_loses_doubles_and_reorders_nothing() -> None:
    report = await replay(made_traffic(14, 2), seed=2)
    counts = report.counts
    assert (counts.lost, counts.duplicates, counts.reordered) == (0, 0, 0), counts.details
    assert counts.messages >= 10
    assert counts.answered + counts.silent == counts.messages
    assert report.fates[Fate.TWICE] and report.fates[Fate.ACK_LOST]
    assert report.unsettled == 0
