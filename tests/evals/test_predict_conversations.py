"""Tasks over whole conversations: topics, mentions, briefs, and scripted customers before the real graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from predicting import KB, judged, write

from conversation.outcomes import OUTCOMES

TRANSCRIPT: dict[str, Any] = {
    "id": "g1",
    "room": {"name": "会员群", "bot_name": "小汇", "mode": "auto"},
    "members": [{"name": "阿明", "role": "customer"}, {"name": "老王", "role": "customer"}],
    "lines": [
        {
            "n": 1,
            "speaker": "阿明",
            "role": "customer",
            "text": "@小汇 怎么退款",
            "mentions": ["小汇"],
            "reply_to": None,
            "t": 0,
        },
        {"n": 2, "speaker": "丽丽", "role": "customer", "text": "今天好热", "mentions": [], "reply_to": None, "t": 4},
        {
            "n": 3,
            "speaker": "老王",
            "role": "customer",
            "text": "我也想知道怎么退款",
            "mentions": [],
            "reply_to": None,
            "t": 9,
        },
    ],
}


def test_that_a_transcript_is_sorted_into_topics(tmp_path: Path) -> None:
    (row,) = judged(tmp_path, "topics", [TRANSCRIPT], kb=write(tmp_path / "kb.jsonl", KB))
    first, second, third = row["lines"]
    assert [line["n"] for line in row["lines"]] == [1, 2, 3]
    assert first == {
        "n": 1,
        "topic": 1,
        "reply_to": None,
        "addressed_to_bot": True,
        "speak": True,
        "duplicate_of": None,
    }
    assert second["topic"] == 0
    assert (third["topic"], third["duplicate_of"]) == (1, 1)


def test_that_a_line_is_judged_from_the_lines_up_to_it(tmp_path: Path) -> None:
    shorter = {**TRANSCRIPT, "id": "g2", "lines": TRANSCRIPT["lines"][:2]}
    whole, part = judged(tmp_path, "topics", [TRANSCRIPT, shorter])
    assert whole["lines"][:2] == part["lines"]


def test_that_mentions_are_read_by_each_platforms_rule(tmp_path: Path) -> None:
    feishu = {"key": "@_user_1", "id": {"open_id": "bot1"}, "name": "小汇"}
    rows = [
        {
            "id": "m1",
            "platform": "wecom",
            "text": "@小汇 怎么退款",
            "room_members": ["小汇", "阿明"],
            "bot": {"name": "小汇"},
        },
        {
            "id": "m2",
            "platform": "feishu",
            "text": "@_user_1 怎么退款",
            "mentions": [feishu],
            "bot": {"name": "小汇", "open_id": "bot1"},
        },
        {"id": "m3", "platform": "wechat", "text": "@小汇汇 怎么退款", "bot": {"name": "小汇"}},
    ]
    assert judged(tmp_path, "mention", rows) == [
        {"id": "m1", "mentioned": True, "text": "怎么退款"},
        {"id": "m2", "mentioned": True, "text": "怎么退款"},
        {"id": "m3", "mentioned": False, "text": "@小汇汇 怎么退款"},
    ]


def test_that_a_brief_names_the_matter(tmp_path: Path) -> None:
    said = [("customer", "订单 20260318001 三天没动了"), ("bot", "我帮您查询"), ("customer", "太慢了，转人工")]
    turns = [{"n": n, "role": role, "text": text} for n, (role, text) in enumerate(said, start=1)]
    (row,) = judged(tmp_path, "brief", [{"id": "b1", "channel": "wecom_kf", "turns": turns}])
    assert "20260318001" in row["brief"]


def play(folder: Path, **given: Any) -> list[dict[str, Any]]:
    row = {"id": "d1", "channel": "feishu", "local_time": "14:20", "out_of_hours": False, "owner": "bot", **given}
    (played,) = judged(folder, "dialogue", [row], kb=write(folder / "kb.jsonl", KB))
    turns: list[dict[str, Any]] = played["turns"]
    assert all(turn["outcome"] in OUTCOMES for turn in turns)
    assert all({"outcome", "reply", "citations", "alert"} <= set(turn) for turn in turns)
    return turns


def test_that_a_scripted_customer_is_served_by_the_real_graph(tmp_path: Path) -> None:
    said = [
        {"customer": ["你好", "怎么申请退款"]},
        {"customer": ["谢谢"]},
        {"customer": ["转人工"]},
        {"customer": ["人呢"]},
    ]
    answered, thanked, handed, waiting = play(tmp_path, turns=said)
    assert answered["outcome"] == "Answered"
    assert answered["citations"][0]["entry"] == "k1"
    assert not answered["alert"]
    assert thanked["outcome"] == "Answered"
    assert handed["outcome"] == "HandedOff"
    assert handed["alert"]
    assert waiting["outcome"] != "HandedOff"


def test_that_a_conversation_that_staff_owns_is_relayed(tmp_path: Path) -> None:
    (relayed,) = play(tmp_path, owner="staff_7", turns=[{"customer": ["怎么申请退款"]}])
    assert relayed["outcome"] == "Relayed"
    assert relayed["reply"] == ""


def test_that_no_time_is_promised_out_of_hours(tmp_path: Path) -> None:
    (handed,) = play(tmp_path, local_time="02:10", out_of_hours=True, turns=[{"customer": ["转人工"]}])
    assert handed["outcome"] == "HandedOff"
    assert "分钟" not in handed["reply"]


def test_that_a_turn_without_words_gives_its_row_all_the_same(tmp_path: Path) -> None:
    silent, answered = play(tmp_path, turns=[{"customer": []}, {"customer": ["怎么申请退款"]}])
    assert silent["outcome"] == "StayedSilent"
    assert answered["outcome"] == "Answered"
