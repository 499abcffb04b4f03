"""Doubles with a scripted service behind them; nothing leaves the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from playground import FeishuDouble, WecomDouble
from tests.playground.stages import (
    AES_KEY,
    ENCRYPT_KEY,
    HELPDESK,
    TOKEN,
    VERIFICATION,
    Clock,
    FeishuBot,
    FeishuStage,
    WecomBot,
    WecomStage,
    caller,
    service,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def wecom(clock: Clock) -> AsyncIterator[WecomStage]:
    bot = WecomBot()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service(bot))) as client:
        double = WecomDouble(
            *(TOKEN, AES_KEY, "aib1", "小汇", "http://bot.test/hook", client),
            public_base="http://platform.test",
            clock=clock,
            refresh_s=0.001,
        )
        async with caller(double.app) as api:
            yield WecomStage(double, bot, api)
        await double.aclose()


@asynccontextmanager
async def feishu_stage(clock: Clock, ack_s: float) -> AsyncIterator[FeishuStage]:
    bot = FeishuBot()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service(bot))) as client:
        double = FeishuDouble(
            *("cli_a", "s3cret", ENCRYPT_KEY, VERIFICATION, "ou_bot", "小汇"),
            callback_url="http://bot.test/hook",
            client=client,
            clock=clock,
            helpdesk=HELPDESK,
            staff_chat_ids=["oc_staff"],
            ack_s=ack_s,
        )
        async with caller(double.app) as api:
            yield FeishuStage(double, bot, api, clock)
        await double.aclose()


@pytest.fixture
async def feishu(clock: Clock) -> AsyncIterator[FeishuStage]:
    async with feishu_stage(clock, ack_s=3.0) as stage:
        yield stage


@pytest.fixture
async def impatient_feishu(clock: Clock) -> AsyncIterator[FeishuStage]:
    async with feishu_stage(clock, ack_s=0.02) as stage:
        yield stage
