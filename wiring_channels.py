"""Wires the two ends: one channel for each account of the settings."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from channels.channel import CardPresses, Channel, Intake
from channels.feishu.channel import FeishuChannel
from channels.feishu.settings import FeishuSettings
from channels.wecom_bot.channel import WecomBotChannel, WecomBotSettings
from settings import Feishu, Settings, WecomBot
from store.database import Database


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
