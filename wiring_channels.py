"""Wires the two ends: one channel for each account of the settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
from sqlalchemy import Connection

from channels.bridge.account import BridgeSettings
from channels.bridge.channel import BridgeChannel
from channels.bridge.commands import KEEP_S, forget
from channels.channel import CardPresses, Channel, Connects, Intake
from channels.feishu.channel import FeishuChannel
from channels.feishu.settings import FeishuSettings
from channels.group_webhook.account import GroupWebhookSettings
from channels.group_webhook.channel import GroupWebhookChannel
from channels.mini_program.account import MiniProgramSettings
from channels.mini_program.channel import MiniProgramChannel
from channels.mp_notice import Notice, NoticeKind
from channels.official_account.account import OfficialAccountSettings
from channels.official_account.channel import OfficialAccountChannel
from channels.web_widget.account import WebWidgetSettings
from channels.web_widget.channel import WebWidgetChannel
from channels.wecom_app.account import WecomAppSettings
from channels.wecom_app.channel import WecomAppChannel
from channels.wecom_bot.channel import WecomBotChannel, WecomBotSettings
from channels.wecom_bot.long_connection import LongConnectionChannel
from channels.wecom_bot.streams import forget as forget_streams
from channels.wecom_kf import forget_sends
from channels.wecom_kf.account import WecomKfSettings
from channels.wecom_kf.channel import WecomKfChannel
from delivery.chores import Chore
from settings import Settings
from settings_channels import ChannelSettings, NoticeTemplate
from store.database import Database
from wiring_customers import unionid_learner

RESCUE_EVERY_S, FORGET_EVERY_S = 30.0, 600.0
#: How often 微信客服 is asked for what a lost callback did not tell.
CATCH_UP_EVERY_S = 15.0
#: A response_url lives for an hour; what is older than two is of no use to anybody.
STREAM_KEEP_S = 7200.0
#: Platforms on which each customer message buys one or few of our messages.
SCARCE = frozenset(
    kind.platform
    for kind in (WecomBotChannel, FeishuChannel, WecomKfChannel, OfficialAccountChannel, MiniProgramChannel)
    if kind.capabilities.scarce_sends
)


@dataclass(frozen=True, slots=True)
class Ends:
    """What channels are built with."""

    intake: Intake
    presses: CardPresses
    database: Database
    client: httpx.AsyncClient
    clock: Callable[[], float]
    leaving: asyncio.Event

    @property
    def stored(self) -> dict[str, Any]:
        """What every channel with two directions and a database needs."""
        return {"intake": self.intake, "database": self.database, "client": self.client, "clock": self.clock}


def build_channels(settings: Settings, ends: Ends) -> dict[tuple[str, str], Channel]:
    """All channels by platform and account. Raises `BadSettings`."""
    return {(one.kind, one.account): _channel(one, settings, ends) for one in settings.channels}


def _channel(one: ChannelSettings, settings: Settings, ends: Ends) -> Channel:
    given = _given(one)
    match one.kind:
        case "wecom_bot":
            kind = LongConnectionChannel if one.mode == "long_connection" else WecomBotChannel
            return kind(WecomBotSettings(**given), presses=ends.presses, **ends.stored)
        case "wecom_app":
            return WecomAppChannel(WecomAppSettings(**given), presses=ends.presses, **ends.stored)
        case "wecom_kf":
            learned = unionid_learner(ends.database, ends.clock)
            return WecomKfChannel(WecomKfSettings(**given), presses=ends.presses, learned=learned, **ends.stored)
        case "official_account":
            return OfficialAccountChannel(OfficialAccountSettings(**given), **ends.stored)
        case "mini_program":
            return MiniProgramChannel(MiniProgramSettings(**given), **ends.stored)
        case "bridge":
            return BridgeChannel(BridgeSettings(**given), **ends.stored)
        case "group_webhook":
            to_groups = GroupWebhookSettings(**given)
            return GroupWebhookChannel(to_groups, database=ends.database, client=ends.client, clock=ends.clock)
        case "web_widget":
            widget = WebWidgetSettings(**given)
            return WebWidgetChannel(
                widget, intake=ends.intake, database=ends.database, clock=ends.clock, leaving=ends.leaving
            )
        case "feishu":
            staff = settings.desk.staff_chat_id if settings.desk.feishu_account == one.account else ""
            app = FeishuSettings(**given, staff_chat_id=staff)
            return FeishuChannel(app, intake=ends.intake, presses=ends.presses, client=ends.client, clock=ends.clock)


def _given(one: ChannelSettings) -> dict[str, Any]:
    """A section of the settings in the words of its channel."""
    given = one.model_dump(exclude={"kind", "notice"})
    if "previous_aes_key" in given:
        given["previous_key"] = given.pop("previous_aes_key")
    notice: NoticeTemplate | None = getattr(one, "notice", None)
    if notice is not None:
        given["notice"] = Notice(**{**notice.model_dump(), "kind": NoticeKind(notice.kind)})
    return given


def channel_chores(channels: Mapping[tuple[str, str], Channel], database: Database) -> list[Chore]:
    """What the channels want done again and again: what was missed is fetched, what nobody needs any more goes."""
    chores = [chore for channel in channels.values() for chore in _own_chores(channel)]
    kinds = {platform for platform, _ in channels}
    if "wecom_bot" in kinds:
        chores.append(Chore("wecom_forget", FORGET_EVERY_S, partial(_forget_streams, database)))
    if "wecom_kf" in kinds:
        chores.append(Chore("wecom_kf_forget", FORGET_EVERY_S, partial(_forget_sends, database)))
    if "bridge" in kinds:
        chores.append(Chore("bridge_forget", FORGET_EVERY_S, partial(_forget_commands, database)))
    return chores


def _own_chores(channel: Channel) -> list[Chore]:
    if isinstance(channel, WecomBotChannel):
        return [Chore(f"wecom_unpicked:{channel.account}", RESCUE_EVERY_S, channel.unpicked)]
    if isinstance(channel, WecomKfChannel):
        return [Chore(f"wecom_kf_catch_up:{channel.account}", CATCH_UP_EVERY_S, channel.catch_up)]
    if isinstance(channel, OfficialAccountChannel | MiniProgramChannel):
        return [Chore(f"{channel.platform}_tidy:{channel.account}", FORGET_EVERY_S, channel.tidy)]
    if isinstance(channel, WebWidgetChannel):
        return [Chore(f"widget_forget:{channel.account}", FORGET_EVERY_S, channel.forget)]
    return []


async def connect(channels: Mapping[tuple[str, str], Channel]) -> None:
    """Lets the channels connect that hold a connection of their own."""
    for channel in channels.values():
        if isinstance(channel, Connects):
            await channel.start()


async def _forget_streams(database: Database, now: float) -> None:
    await database.write(lambda connection: forget_streams(connection, before=now - STREAM_KEEP_S))


async def _forget_sends(database: Database, now: float) -> None:
    def work(connection: Connection) -> None:
        forget_sends(connection, now)

    await database.write(work)


async def _forget_commands(database: Database, now: float) -> None:
    await database.write(lambda connection: forget(connection, before=now - KEEP_S))
