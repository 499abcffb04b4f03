from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from playground import DoubleLedger, Faults


def line(ledger: DoubleLedger, message_id: str, **fields: Any) -> None:
    given = {"platform": "wecom", "chat_id": "g", "sender": "u", "sender_name": "u", "sender_role": "customer"}
    ledger.add(**{**given, "message_id": message_id, "kind": "text", "text": message_id, "at": 1.0, **fields})


async def test_changes_replay_what_came_after_a_seq_and_then_follow_live() -> None:
    ledger = DoubleLedger()
    line(ledger, "a")
    line(ledger, "b")
    seen: list[dict[str, Any]] = []

    async def follow() -> None:
        async for change in ledger.changes(after=1):
            seen.append(change)
            if len(seen) == 3:
                return

    following = asyncio.create_task(follow())
    await asyncio.sleep(0)
    ledger.change("a", text="edited", updated=True)
    ledger.violation("too long")
    await asyncio.wait_for(following, 1)
    assert [(one["seq"], one["change"]) for one in seen] == [(2, "added"), (3, "updated"), (4, "violation")]
    assert seen[1]["text"] == "edited"
    assert json.loads(json.dumps(seen)) == seen


async def test_a_changed_message_keeps_its_place_and_old_snapshots_stay_as_they_were() -> None:
    ledger = DoubleLedger()
    line(ledger, "a")
    line(ledger, "b")
    before = ledger.message("a")
    ledger.change("a", "recalled", recalled=True)
    assert [one.message_id for one in ledger.messages] == ["a", "b"]
    assert (before.recalled, ledger.message("a").recalled) == (False, True)


async def test_waiting_for_a_message_ends_when_it_comes_or_tells_what_was_said_instead() -> None:
    ledger = DoubleLedger()
    line(ledger, "hello")
    waiting = asyncio.create_task(ledger.until(lambda one: one.sender_role == "bot"))
    await asyncio.sleep(0)
    line(ledger, "answer", sender_role="bot")
    assert (await waiting).message_id == "answer"
    with pytest.raises(TimeoutError, match="hello"):
        await ledger.until(lambda one: one.text == "never", timeout_s=0.01)


def test_faults_strike_next_times_every_and_by_pattern() -> None:
    faults = Faults()
    faults.next("reply", http=500, times=2)
    faults.every(3, "ticket_*", drop=True)
    hits = [bool(faults.take(call)) for call in ("create", "reply", "reply", "reply")]
    assert hits == [False, True, True, False]
    assert [bool(faults.take("ticket_get")) for _ in range(6)] == [False, False, True, False, False, True]
    assert [call for call, _ in faults.served] == ["reply", "reply", "ticket_get", "ticket_get"]
    faults.always("*", refuse=True)
    assert faults.take("anything")
    faults.clear()
    assert faults.take("anything") is None


def test_faults_asked_for_one_after_another_strike_in_that_order() -> None:
    faults = Faults()
    faults.next("create", http=500)
    faults.next("create", code=230020)
    first, second = faults.take("create"), faults.take("create")
    assert first and second
    assert (first.http, second.code) == (500, 230020)
