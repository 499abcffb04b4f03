"""A worker process for the kill test: turns and sends over a database, towards a platform at a port. Dies by SIGKILL.

Run as `python -m tests.delivery.kill_worker DATABASE_URL PORT`; says `ready` once it works.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

from channels.channel import Receipt
from conversation.errors import FateUnknown
from conversation.messages import OutgoingMessage
from conversation.outcomes import TurnResult
from conversation.turn import Turn
from delivery.inbox import Inbox
from delivery.post_office import PostOffice
from delivery.terms import DeliveryTerms
from delivery.wakeup import LocalWakeup
from store.open_database import open_database
from tests.delivery.doubles import StageChannel, StageDesk, echo

TERMS = DeliveryTerms(
    turn_slots=8,
    quiet_s=0,
    poll_s=0.05,
    lease_s=1.5,
    renew_s=0.4,
    send_limit_s=1.0,
    turn_tries=10_000,
    max_sends=10_000,
)


class WireChannel(StageChannel):
    """Sends over HTTP; an answer that does not come leaves the fate of the message open."""

    port: int = 0

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        body = json.dumps({"key": idempotency_key, "room": message.room.chat_id, "text": message.text}).encode()
        head = f"POST /messages HTTP/1.1\r\nHost: stage\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(head.encode() + body)
            answer = await reader.read()
            writer.close()
        except OSError as error:
            raise FateUnknown(str(error)) from error
        status, _, rest = answer.partition(b"\r\n")
        if b" 200 " not in status:
            raise FateUnknown(status.decode())
        return Receipt(json.loads(rest.partition(b"\r\n\r\n")[2])["message_id"])


async def think(turn: Turn) -> TurnResult:
    await asyncio.sleep(random.uniform(0.01, 0.08))
    return echo(turn)


async def main(url: str, port: int) -> None:
    database = open_database(url)
    wakeup = LocalWakeup()
    channel = WireChannel()
    channel.port = port
    inbox = Inbox(database, wakeup, time.time)
    office = PostOffice(database, inbox, {("stage", "main"): channel}, think, StageDesk(), wakeup, terms=TERMS)
    async with office:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
