"""The vendor's SDK on the other end: it reads our frames as its own, and speaks with the double as we do."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from channels.feishu.frames import DATA, Frame, ping, read_frame, write_frame
from playground import FeishuDouble
from tests.channels.feishu.long_stage import free_port, served
from tests.channels.feishu.stage import BOT, SETTINGS, Clock

#: In a process of its own, as in `test_feishu_sdk_agrees`; it also blocks its event loop for good.
SDK = """
import json, sys
import lark_oapi as lark
from lark_oapi.event.callback.model.p2_card_action_trigger import P2CardActionTriggerResponse
from lark_oapi.ws.pb.pbbp2_pb2 import Frame

told = json.loads(sys.stdin.readline())
read = []
for text in told["frames"]:
    frame = Frame()
    frame.ParseFromString(bytes.fromhex(text))
    headers = [[one.key, one.value] for one in frame.headers]
    read.append({"headers": headers, "payload": frame.payload.hex(), "service": frame.service,
                 "method": frame.method, "seq": frame.SeqID, "again": frame.SerializeToString().hex()})
print(json.dumps(read), flush=True)

def heard(event):
    print(json.dumps({"text": event.event.message.content}), flush=True)

def pressed(event):
    return P2CardActionTriggerResponse({"toast": {"type": "info", "content": "ok"}})

handler = (lark.EventDispatcherHandler.builder("", "").register_p2_im_message_receive_v1(heard)
    .register_p2_card_action_trigger(pressed).build())
lark.ws.Client(told["app_id"], told["secret"], event_handler=handler, domain=told["domain"],
    log_level=lark.LogLevel.CRITICAL).start()
"""

FRAMES = (
    ping(33554678),
    Frame(DATA, 5, (("type", "event"), ("message_id", "中文")), b'{"a":1}', seq_id=2**40, log_id=9, log_id_new="x"),
    Frame(DATA, 5, (("type", "event"),), b"{}").answered(b'{"code":200}', 12),
)


@asynccontextmanager
async def sdk(domain: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SDK, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    told = {"app_id": SETTINGS.app_id, "secret": SETTINGS.app_secret, "domain": domain}
    told["frames"] = [write_frame(frame).hex() for frame in FRAMES]  # type: ignore[assignment]
    assert process.stdin is not None
    process.stdin.write(json.dumps(told).encode() + b"\n")
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def line_of(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    return json.loads(await asyncio.wait_for(process.stdout.readline(), 60))


async def test_the_sdk_reads_our_frames_and_speaks_with_the_double() -> None:
    with free_port() as (port, origin):
        async with httpx.AsyncClient() as client:
            double = FeishuDouble(
                *(SETTINGS.app_id, SETTINGS.app_secret, "", "", BOT, "售后助手"),
                callback_url="http://127.0.0.1:9/never",
                client=client,
                clock=Clock(),
                long_connection=True,
            )
            async with served(double.app, port), sdk(origin) as process:
                for frame, theirs in zip(FRAMES, await line_of(process), strict=True):
                    assert [tuple(pair) for pair in theirs["headers"]] == list(frame.headers)
                    assert bytes.fromhex(theirs["payload"]) == frame.payload
                    assert (theirs["service"], theirs["method"]) == (frame.service, frame.method)
                    assert theirs["seq"] == frame.seq_id
                    assert read_frame(bytes.fromhex(theirs["again"])) == frame
                await double.sockets.until_connected(30)
                await double.say(chat_id="oc_room", user_open_id="ou_lisi", user_name="李四", text="怎么退货？")
                assert json.loads((await line_of(process))["text"]) == {"text": "怎么退货？"}
                card = double.rooms.add("oc_room", double.bot, "interactive", {"schema": "2.0", "body": {}})
                answer = await double.press(card.message_id, "ou_lisi", "李四", {"action": "take"})
                assert answer["toast"]["content"] == "ok"
                await double.aclose()
            assert double.violations == []
