"""Who receives a customer on the platform's own desk, and how a chat changes hands there.

Protocol: https://developer.work.weixin.qq.com/document/path/94669
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from channels.wechat_api import WechatRefused
from channels.wecom_kf.account import Chat
from channels.wecom_kf.client import WecomKfClient
from conversation.errors import FateUnknown, GiveUp

_NOT_RECEIVING, _NO_SUCH_MOVE = 95014, 95016


class KfState(IntEnum):
    """The platform's numbers. The bot may speak in NEW and BOT; in ENDED the customer must write first."""

    NEW = 0
    BOT = 1
    POOL = 2
    PERSON = 3
    ENDED = 4


class ColleagueUnavailable(WechatRefused):
    """This person does not receive customers now, or not those of this account: name another one, or the pool."""


class MoveRefused(WechatRefused):
    """The chat cannot go from the state that it is in to the wanted one."""


@dataclass(frozen=True, slots=True)
class Reception:
    """The state of a chat, and the userid of who holds it in PERSON.

    `code` announces a move to the customer, once and while the state lasts: 48 hours, after an end 20 seconds.
    """

    state: KfState
    userid: str = ""
    code: str = ""

    @property
    def bot_may_speak(self) -> bool:
        """Whether a send would be taken, as far as the state goes."""
        return self.state in (KfState.NEW, KfState.BOT)


class ReceptionDesk:
    """Moves chats. Besides the errors named here, every method raises as `WechatApi.post` does."""

    def __init__(self, client: WecomKfClient) -> None:
        self._client = client

    async def state(self, chat: Chat) -> Reception:
        """How a chat stands now."""
        number, userid = await self._client.state(chat)
        try:
            return Reception(KfState(int(number)), userid)
        except ValueError:
            raise GiveUp(f"the platform names an unknown state of a chat: {number[:20]!r}") from None

    async def to_person(self, chat: Chat, userid: str = "", *, or_pool: bool = True) -> Reception:
        """Gives a chat to `userid`, or to the pool of waiting ones where nobody is named or that person is not there.

        Raises `ColleagueUnavailable` (only without `or_pool`) or `MoveRefused`, e.g. for a chat that has ended.
        """
        if not userid:
            return await self._move(chat, KfState.POOL)
        try:
            return await self._move(chat, KfState.PERSON, userid)
        except ColleagueUnavailable:
            if not or_pool:
                raise
        return await self._move(chat, KfState.POOL)

    async def to_bot(self, chat: Chat) -> Reception:
        """Takes a chat back from people.

        Where the platform does not let the bot go on at once, the person's chat is ended: the customer's next words
        are then the bot's. One who waits in the pool cannot be taken out of it: `MoveRefused`.
        """
        before = await self.state(chat)
        if before.state not in (KfState.POOL, KfState.PERSON):
            return before
        try:
            # Not in the platform's list of moves, but only this one would spare the customer an end.
            return await self._move(chat, KfState.BOT)
        except MoveRefused:
            if before.state is not KfState.PERSON:
                raise
        return await self._move(chat, KfState.ENDED)

    async def _move(self, chat: Chat, state: KfState, userid: str = "") -> Reception:
        try:
            return Reception(state, userid, await self._client.move(chat, state, userid))
        except FateUnknown:
            return await self._if_there(chat, state, userid)
        except WechatRefused as refused:
            if refused.code == _NOT_RECEIVING:
                raise ColleagueUnavailable(str(refused), refused.code) from None
            if refused.code != _NO_SUCH_MOVE:
                raise
            return await self._if_there(chat, state, userid)

    async def _if_there(self, chat: Chat, state: KfState, userid: str) -> Reception:
        """How the chat stands if it is where it was to go, by an earlier try or by a person's own hand."""
        now = await self.state(chat)
        if now.state is state and userid in ("", now.userid):
            return now
        raise MoveRefused(f"the chat is {now.state.name} and cannot become {state.name}", _NO_SUCH_MOVE)
