"""Parts that the platform took are not sent again, whichever process tries; the others are."""

from __future__ import annotations

import pytest

from channels.sent_parts import SentParts
from conversation.errors import RetryLater
from store.database import Database


class Platform:
    def __init__(self, fail_at: int = -1) -> None:
        self.shown: list[str] = []
        self.fail_at = fail_at

    async def send(self, part: str) -> str:
        if len(self.shown) == self.fail_at:
            self.fail_at = -1
            raise RetryLater("busy")
        self.shown.append(part)
        return f"m{len(self.shown)}"


def parts_of(database: Database) -> SentParts:
    return SentParts(database, "wecom_app", "main", lambda: 1000.0)


async def test_a_second_try_goes_on_where_the_first_one_stopped(database: Database) -> None:
    platform = Platform(fail_at=1)
    parts = parts_of(database)
    with pytest.raises(RetryLater):
        await parts.send(["一", "二", "三"], "k1", platform.send)
    assert await parts.send(["一", "二", "三"], "k1", platform.send) == "m1"
    assert platform.shown == ["一", "二", "三"]


async def test_another_process_knows_what_went_out(database: Database) -> None:
    platform = Platform()
    await parts_of(database).send(["一", "二"], "k1", platform.send)
    assert await parts_of(database).send(["一", "二", "三"], "k1", platform.send) == "m3"
    await parts_of(database).send(["一"], "k2", platform.send)
    assert platform.shown == ["一", "二", "三", "一"]


async def test_what_cannot_be_noted_is_still_not_sent_again_by_this_process(database: Database) -> None:
    class Broken:
        def __init__(self) -> None:
            self.read = database.read

        async def write(self, work: object) -> None:
            raise RetryLater("the database is gone")

    platform = Platform()
    parts = SentParts(Broken(), "wecom_app", "main", lambda: 1000.0)  # type: ignore[arg-type]
    assert await parts.send(["一"], "k1", platform.send) == "m1"
    assert await parts.send(["一"], "k1", platform.send) == "m1"
    assert platform.shown == ["一"]
