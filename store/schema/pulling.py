"""Platforms whose news must be fetched, and whose repeats must be recognised by us: how far each of them is."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table, false

from store.schema.columns import METADATA, count, text_id, when, words

#: How far a source that only says "there is news" was read. `wanted` counts how often it said so, `seen` how many of
#: these a finished pull has answered. `token` makes a pull cheap for some minutes after `token_at`. One pull at a time:
#: `holder` has it until `lease_until`.
pulls = Table(
    "pulls",
    METADATA,
    text_id("source"),
    words("platform"),
    words("account"),
    words("name"),
    words("cursor"),
    words("token"),
    when("token_at"),
    count("wanted"),
    count("seen"),
    words("holder"),
    when("lease_until"),
    when("pulled_at"),
)

#: A send in parts: `done` of them are out; `uncertain` says that the next one may be out too, for its answer is not in.
part_sends = Table(
    "part_sends",
    METADATA,
    text_id("send_key"),
    count("done"),
    Column("uncertain", Boolean, nullable=False, server_default=false()),
    when("at", nullable=False, index=True),
)
