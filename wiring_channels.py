"""Wires the two ends: one channel for each account of the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import httpx

from channels.channel import CardPresses, Channel, Intake
from channels.feishu.channel import FeishuChannel
from channels.feishu.settings import FeishuSettings
from channels.wecom_bot.channel import WecomBotChannel, WecomBotSettings
from channels.wecom_bot.streams import forget
from delivery.chores import Chore
from settings import Feishu, Settings, WecomBot
from store.database import Database

RESCUE_EVERY_S, FORGET_EVERY_S = 30.0, 600.0
#: A response_url lives for an hour; what is older than two is of no use to anybody.
STREAM_KEEP_S = 7200.0
#: Platforms on which each customer message buys one or few of our messages.
SCARCE = frozenset(kind.platform for kind in (WecomBotChannel, FeishuChannel) if kind.capabilities.scarce_sends)


def build_channels(
    settings: Settings,
    *,
    intake: Intake,
    presses: CardPresses,
    database: Database,
    client: httpx.AsyncClient,
    clock: Callable[[], float],
) -> dict[tuple[str, str], Channel]:
    """All channels by platform and account."""
    channels: dict[tuple[str, str], Channel] = {}
    for one in settings.channels:
        if one.kind == "wecom_bot":
            channels[one.kind, one.account] = WecomBotChannel(
                _wecom(one), intake=intake, presses=presses, database=database, client=client, clock=clock
            )
        else:
            channels[one.kind, one.account] = FeishuChannel(
                _feishu(one, settings), intake=intake, presses=presses, client=client, clock=clock
            )
    return channels


def channel_chores(channels: Mapping[tuple[str, str], Channel], database: Database) -> list[Chore]:
    """What the channels want done again and again: answers that nobody picked up leave another way, old secrets go."""
    bots = [channel for channel in channels.values() if isinstance(channel, WecomBotChannel)]
    rescues = [Chore(f"wecom_unpicked:{bot.account}", RESCUE_EVERY_S, bot.unpicked) for bot in bots]
    return [*rescues, Chore("wecom_forget", FORGET_EVERY_S, partial(_forget_streams, database))] if bots else []


async def _forget_streams(database: Database, now: float) -> None:
    await database.write(lambda connection: forget(connection, before=now - STREAM_KEEP_S))


def _wecom(one: WecomBot) -> WecomBotSettings:
    return WecomBotSettings(
        account=one.account,
        token=one.token,
        encoding_aes_key=one.encoding_aes_key,
        previous_key=one.previous_aes_key,
        bot_name=one.bot_name,
        bot_id=one.bot_id,
        api_base=one.api_base,
        extra_hosts=one.extra_hosts,
        greeting=one.greeting,
    )


def _feishu(one: Feishu, settings: Settings) -> FeishuSettings:
    return FeishuSettings(
        account=one.account,
        app_id=one.app_id,
        app_secret=one.app_secret,
        encrypt_key=one.encrypt_key,
        verification_token=one.verification_token,
        domain=one.domain,
        bot_open_id=one.bot_open_id,
        bot_name=one.bot_name,
        staff_chat_id=settings.desk.staff_chat_id if settings.desk.feishu_account == one.account else "",
        extra_hosts=one.extra_hosts,
    )
