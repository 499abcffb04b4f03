"""What one event of Feishu leads to, over either way: translated, filled in, kept; or a press, answered.

Between the two ways in (`webhook`, `long_connection`) and the inbox.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from channels.channel import Intake
from channels.feishu.envelope import Event
from channels.feishu.inbound import (
    PressedCard,
    chat_in_question,
    message_in_question,
    needs_bot_id,
    translate,
)
from channels.feishu.people import People
from channels.feishu.places import Places
from channels.feishu.presses import PressAnswers
from channels.feishu.profiles import Profiles
from channels.feishu.recent import RecentMessages
from channels.feishu.settings import FeishuSettings
from channels.feishu.translation import Ignored, Terms
from channels.feishu.working import WorkingSign
from conversation.messages import Incoming, IncomingMessage
from tools.feishu_values import as_dict, as_text

logger = structlog.get_logger(__name__)


class Reception:
    """The receiving end of one app. `bot_open_id` gives the bot's id, or raises `RefusedInput` (503)."""

    def __init__(
        self,
        settings: FeishuSettings,
        *,
        intake: Intake,
        presses: PressAnswers,
        people: People,
        places: Places,
        profiles: Profiles,
        recent: RecentMessages,
        working: WorkingSign,
        bot_open_id: Callable[[], Awaitable[str]],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._presses = presses
        self._people = people
        self._places = places
        self._profiles = profiles
        self._recent = recent
        self._working = working
        self._bot_open_id = bot_open_id
        self._clock = clock

    async def take(self, event: Event) -> dict[str, Any]:
        """Does what the event asks for and gives the body of the answer.

        Raises `RefusedInput` for an event without what it needs, `RetryLater` when it cannot be kept now.
        """
        terms = await self._terms(event)
        await self._places.find(message_in_question(event), terms)
        translated = translate(event, terms)
        if isinstance(translated, PressedCard):
            return await self._presses.answer(translated)
        if isinstance(translated, Ignored):
            logger.debug("feishu.ignored", event_id=event.event_id, reason=translated.reason)
            return {}
        if isinstance(translated, IncomingMessage):
            sender = as_dict(event.body.get("sender"))
            self._profiles.seen(translated.sender.person_id, as_text(sender.get("tenant_key")))
        await self._put(await self._people.fill_in(translated))
        return {}

    async def _put(self, incoming: Incoming) -> None:
        if not isinstance(incoming, IncomingMessage):
            await self._intake.put([incoming])
            return
        message = self._working.announce(incoming)
        fresh = (await self._intake.put([message]))[0]
        self._recent.remember(message.message_id, message.room, message.sender, message.text)
        if fresh:
            self._working.put_on(message)

    async def _terms(self, event: Event) -> Terms:
        bot_open_id = self._settings.bot_open_id
        if not bot_open_id and needs_bot_id(event):
            bot_open_id = await self._bot_open_id()
        return Terms(
            account=self._settings.account,
            bot_open_id=bot_open_id,
            staff_chat_id=self._settings.staff_chat_id,
            now=self._clock(),
            place_of=self._recent.place_of,
            keeps_topics=await self._places.keeps_topics(chat_in_question(event)),
        )
