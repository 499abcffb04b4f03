"""Wires the people: office hours, the cards' desk, and what timers do for tickets, briefs and promises."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

import httpx
import structlog
from sqlalchemy import Connection

from agents.handoff_brief import BriefAgent
from channels.channel import Channel
from channels.feishu.channel import FeishuChannel
from conversation.errors import HuiyingError, RetryLater
from conversation.identity import Person, Room, RoomKind
from conversation.messages import EventKind, OutgoingMessage, RoomEvent
from conversation.staff_wording import staff_wording
from conversation.wording import wording
from delivery.brief_writer import BriefWriter, NameOf
from delivery.desk_effects import OPEN_TWIN, PROMISE_DUE, TELL_TWIN, WRITE_BRIEF, DeskEffects
from delivery.promise_keeper import PromiseKeeper
from delivery.ticket_twins import TicketTwins
from delivery.timers import TimerAction
from desk.hours import OfficeHours
from desk.platform_staff import changed_hands
from desk.staff_desk import StaffDesk
from desk.ticket_twins import take_event
from retrieval.retriever import Retriever
from settings import Settings
from store.database import Database
from tools.feishu_helpdesk import FeishuHelpdesk, HelpdeskSettings, UserTokens
from wiring_channels import SCARCE

logger = structlog.get_logger(__name__)

LANGUAGE = "zh"
SUBSCRIBE_TRIES, SUBSCRIBE_PAUSE_S = 5, 1.0


def office_hours(settings: Settings) -> OfficeHours:
    """The desk's week; settings count Monday as 1."""
    hours = settings.desk.hours
    return OfficeHours(
        opens=time_of_day.fromisoformat(hours.opens),
        closes=time_of_day.fromisoformat(hours.closes),
        days=frozenset(day - 1 for day in hours.days),
        zone=ZoneInfo(hours.timezone),
        reply_within_s=hours.reply_within_minutes * 60,
    )


def staff_room(settings: Settings) -> Room | None:
    """The Feishu group that escalations go to, where one is configured."""
    desk = settings.desk
    if not desk.staff_chat_id:
        return None
    return Room("feishu", desk.feishu_account, desk.staff_chat_id, RoomKind.GROUP)


def build_desk(database: Database, clock: Callable[[], float]) -> StaffDesk:
    """Who decides what a pressed button does."""
    words = staff_wording(LANGUAGE)
    return StaffDesk(database, wording=wording(LANGUAGE), staff_wording=words, clock=clock, scarce_platforms=SCARCE)


def build_effects(settings: Settings) -> DeskEffects:
    """What mail does at the desk; with a helpdesk configured, tickets get twins there."""

    def on_event(connection: Connection, event: RoomEvent, now: float) -> Sequence[OutgoingMessage]:
        if event.kind is EventKind.TICKET_CHANGED:
            take_event(connection, event, wording(LANGUAGE), now)
        changed_hands(connection, event, now)
        return ()

    has_twins = settings.desk.helpdesk is not None
    return DeskEffects(staff_wording(LANGUAGE), on_event=on_event, has_twins=has_twins)


def build_actions(
    settings: Settings,
    *,
    database: Database,
    retriever: Retriever,
    briefs: BriefAgent,
    helpdesk: FeishuHelpdesk | None,
    channels: Mapping[tuple[str, str], Channel],
    clock: Callable[[], float],
) -> dict[str, TimerAction]:
    """What timers do, by kind."""
    room, words = staff_room(settings), staff_wording(LANGUAGE)
    writer = BriefWriter(
        database,
        briefs,
        retriever.search,
        staff_room=room,
        words=words,
        clock=clock,
        name_of=_name_of(channels),
    )
    keeper = PromiseKeeper(
        database,
        staff_room=room,
        words=words,
        wording=wording(LANGUAGE),
        desk_hours=office_hours(settings).at,
        clock=clock,
        scarce_platforms=SCARCE,
    )
    actions: dict[str, TimerAction] = {WRITE_BRIEF: writer.write, PROMISE_DUE: keeper.due}
    if helpdesk is not None:
        twins = _twins(settings, database, helpdesk)
        actions |= {OPEN_TWIN: twins.open, TELL_TWIN: twins.tell}
    return actions


def build_helpdesk(
    settings: Settings,
    channels: Mapping[tuple[str, str], Channel],
    client: httpx.AsyncClient,
    clock: Callable[[], float],
) -> FeishuHelpdesk | None:
    """The 服务台 where tickets have twins, where one is configured."""
    helpdesk, channel = settings.desk.helpdesk, channels.get(("feishu", settings.desk.feishu_account))
    if helpdesk is None or not isinstance(channel, FeishuChannel):
        return None
    domain = next(one.domain for one in settings.channels if one.kind == "feishu" and one.account == channel.account)
    return FeishuHelpdesk(
        HelpdeskSettings(helpdesk.id, helpdesk.token, guest_open_id=helpdesk.guest_open_id, domain=domain),
        client,
        channel.tokens,
        clock=clock,
        user_tokens=_fixed(helpdesk.user_access_token) if helpdesk.user_access_token else None,
    )


async def subscribe_events(helpdesk: FeishuHelpdesk) -> None:
    """Asks Feishu once for the helpdesk's events. A failure is a log line: tickets have twins all the same."""
    for attempt in range(1, SUBSCRIBE_TRIES + 1):
        try:
            await helpdesk.subscribe()
        except RetryLater as later:
            failure: HuiyingError = later
            await asyncio.sleep(later.after_s or SUBSCRIBE_PAUSE_S * attempt)
        except HuiyingError as refused:
            failure = refused
            break
        else:
            logger.info("helpdesk.subscribed")
            return
    logger.warning(
        "helpdesk.not_subscribed",
        error=str(failure),
        cure="news from the helpdesk do not reach customers: check desk.helpdesk with `huiying doctor`, then restart",
    )


def _twins(settings: Settings, database: Database, system: FeishuHelpdesk) -> TicketTwins:
    base = settings.public_url.rstrip("/")
    return TicketTwins(database, system, name="feishu_helpdesk", link=lambda one: f"{base}/console/conversations/{one}")


def _fixed(token: str) -> UserTokens:
    async def give() -> str:
        return token

    return give


def _name_of(channels: Mapping[tuple[str, str], Channel]) -> NameOf:
    async def ask(room: Room, person: Person) -> str:
        channel = channels.get((room.platform, room.account))
        return await channel.name_of(person.person_id) if isinstance(channel, FeishuChannel) else ""

    return ask
