"""The claims decide: whatever two processes do at once, an answer has one way and a call one caller."""

from __future__ import annotations

import asyncio
from functools import partial

from channels import mp_claims as claims
from channels.mp_claims import Call, Fate
from store.database import Database

OWNER = "official_account:main"


async def test_a_text_is_either_picked_up_or_withdrawn(database: Database) -> None:
    for number in range(60):
        stream_id = claims.held_id(OWNER, f"m{number}")
        lay = partial(
            claims.offer, ids=[stream_id], open_ids={stream_id}, text="好", key=f"k{number}", owner=OWNER, now=1.0
        )
        assert await database.write(lay) == claims.Offer(stream_id, Fate.WAITING)
        picked, withdrawn = await asyncio.gather(
            database.write(partial(claims.pick_up, stream_id=stream_id, now=2.0)),
            database.write(partial(claims.withdraw, stream_id=stream_id, now=2.0)),
        )
        assert (picked == "好") != withdrawn
        fate = await database.read(partial(claims.fate_of, stream_id=stream_id))
        assert fate is (Fate.WITHDRAWN if withdrawn else Fate.GIVEN)


async def test_one_callback_takes_one_of_two_answers(database: Database) -> None:
    stream_id = claims.held_id(OWNER, "m1")
    lay = partial(claims.offer, ids=[stream_id], open_ids={stream_id}, owner=OWNER, now=1.0)
    offers = await asyncio.gather(*(database.write(partial(lay, text=f"答{n}", key=f"k{n}")) for n in range(8)))
    taken = [offer for offer in offers if offer is not None]
    assert len(taken) == 1
    assert await database.write(partial(lay, text="别的", key=f"k{offers.index(taken[0])}")) == taken[0]


async def test_a_call_is_made_by_one_of_many(database: Database) -> None:
    call_id = claims.call_id(OWNER, "k1", "0")
    begin = partial(claims.begin_call, stream_id=call_id, key="k1", owner=OWNER, now=1.0)
    calls = await asyncio.gather(*(database.write(begin) for _ in range(8)))
    assert sorted(call.name for call in calls) == ["LOST"] * 7 + ["MINE"]
    await database.write(partial(claims.give_call_back, stream_id=call_id))
    assert await database.write(begin) is Call.MINE
    await database.write(partial(claims.prove_call, stream_id=call_id, now=2.0))
    await database.write(partial(claims.give_call_back, stream_id=call_id))
    assert await database.write(begin) is Call.DONE


async def test_accounts_forget_only_what_is_their_own_and_old(database: Database) -> None:
    for owner, at in ((OWNER, 1.0), (OWNER, 9.0), ("mini_program:main", 1.0)):
        call_id = claims.call_id(owner, f"k{at}", "0")
        await database.write(partial(claims.begin_call, stream_id=call_id, key="k", owner=owner, now=at))
    assert await database.write(partial(claims.forget, owner=OWNER, before=5.0)) == 1
