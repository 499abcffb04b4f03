"""The platform's side of 微信客服 chats: who receives the customer, what may still be sent, which codes answer events.

Protocol: https://developer.work.weixin.qq.com/document/path/94669 (states), /94677 (limits), /95122 (codes)
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from playground.wecom_kf_gateway import KfRefusal

NEW, BOT, POOL, PERSON, ENDED = range(5)
WINDOW_S = 48 * 3600.0
MESSAGES = 5
WELCOME_S, END_S = 20.0, 20.0

#: https://developer.work.weixin.qq.com/document/path/94669
MOVES = {NEW: {POOL, PERSON}, BOT: {POOL, PERSON}, POOL: {PERSON}, PERSON: {PERSON, ENDED}, ENDED: set[int]()}

UNKNOWN_CUSTOMER, UNKNOWN_ACCOUNT = 40096, 95004
TOO_MANY, TOO_LATE, HAS_ENDED, WRONG_STATE = 95001, 95002, 95013, 95018
NOT_RECEIVING, NO_SUCH_MOVE = 95014, 95016
#: What the platform answers to a code that is used, old or unknown is not published.
WRONG_CODE = 40058


@dataclass(slots=True)
class KfChat:
    """One customer with one account. `left` counts the messages that may still be sent."""

    open_kfid: str
    external_userid: str
    state: int = ENDED
    userid: str = ""
    left: int = 0
    wrote_at: float = 0.0
    came_at: float = 0.0
    welcomed_at: float = 0.0

    @property
    def chat_id(self) -> str:
        """The chat's id in the ledger."""
        return f"{self.open_kfid}/{self.external_userid}"


@dataclass(slots=True)
class Code:
    """A code that answers one event once. `state` is the one that the chat must still be in."""

    chat: KfChat
    dies: float
    state: int | None = None
    menus: bool = False
    used: bool = False


@dataclass(slots=True)
class Colleague:
    """Somebody who receives customers of the accounts."""

    userid: str
    receiving: bool = True
    active: bool = True


class KfChats:
    """All chats. Set `human_first` to have new words go to a receiving colleague at once, as some companies do.

    `further_moves` are pairs of states that this platform allows besides the published ones.
    """

    def __init__(self, open_kfids: list[str], clock: Callable[[], float]) -> None:
        self.human_first = False
        self.further_moves: set[tuple[int, int]] = set()
        self.colleagues: dict[str, Colleague] = {}
        self._clock = clock
        self._open_kfids = open_kfids
        self._chats: dict[tuple[str, str], KfChat] = {}
        self._codes: dict[str, Code] = {}

    def of(self, open_kfid: str, external_userid: str) -> KfChat:
        """Give the chat of a customer, opened where there was none."""
        return self._chats.setdefault((open_kfid, external_userid), KfChat(open_kfid, external_userid))

    def known(self, open_kfid: str, external_userid: str) -> KfChat:
        """Give the chat that a call names; unknown accounts and customers are refused."""
        if open_kfid not in self._open_kfids:
            raise KfRefusal(UNKNOWN_ACCOUNT, "open_kfid not exist")
        chat = self._chats.get((open_kfid, external_userid))
        if chat is None:
            raise KfRefusal(UNKNOWN_CUSTOMER, "invalid external userid")
        return chat

    def active(self, external_userid: str) -> bool:
        """Whether the customer wrote or came in the last 48 hours."""
        since = self._clock() - WINDOW_S
        chats = [chat for chat in self._chats.values() if chat.external_userid == external_userid]
        return any(max(chat.wrote_at, chat.came_at) > since for chat in chats)

    def written(self, chat: KfChat) -> None:
        """The customer wrote: the window opens, an ended chat begins again."""
        chat.wrote_at, chat.left = self._clock(), MESSAGES
        if chat.state == ENDED:
            chat.state, chat.userid = NEW, ""
            there = next((one for one in self.colleagues.values() if one.receiving and one.active), None)
            if self.human_first and there is not None:
                chat.state, chat.userid = PERSON, there.userid

    def may_welcome(self, chat: KfChat) -> bool:
        """Whether entering brings a welcome code: nothing was written or said in the last 48 hours."""
        since = self._clock() - WINDOW_S
        return max(chat.wrote_at, chat.welcomed_at) <= since

    def code(self, chat: KfChat, life_s: float, *, state: int | None = None, menus: bool = False) -> str:
        """Give a fresh code that answers an event of the chat."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = Code(chat, self._clock() + life_s, state, menus)
        return code

    def code_named(self, code: str) -> Code:
        """Give the code that a call names; one that is used, old or of another state is refused."""
        found = self._codes.get(code)
        if found is None or found.used or found.dies <= self._clock():
            raise KfRefusal(WRONG_CODE, "invalid code")
        if found.state is not None and found.chat.state != found.state:
            raise KfRefusal(WRONG_STATE, "send msg session status invalid")
        return found

    def check_send(self, chat: KfChat) -> None:
        """Refuse what may not be sent now."""
        if chat.state in (POOL, PERSON):
            raise KfRefusal(WRONG_STATE, "send msg session status invalid")
        if chat.state == ENDED:
            raise KfRefusal(HAS_ENDED, "conversation end")
        if self._clock() - chat.wrote_at > WINDOW_S:
            raise KfRefusal(TOO_LATE, "send msg time limit")
        if chat.left <= 0:
            raise KfRefusal(TOO_MANY, "send msg count limit")

    def move(self, chat: KfChat, state: int, userid: str) -> str:
        """Move a chat by API; gives the code that announces it, an empty text where there is none."""
        if state not in MOVES[chat.state] and (chat.state, state) not in self.further_moves:
            raise KfRefusal(NO_SUCH_MOVE, "state transfer not allowed")
        if state == PERSON:
            colleague = self.colleagues.get(userid)
            if colleague is None or not colleague.receiving or not colleague.active:
                raise KfRefusal(NOT_RECEIVING, "servicer not in open state")
        first = chat.state != state
        chat.state, chat.userid = state, userid if state == PERSON else ""
        if state == ENDED:
            return self.code(chat, END_S, state=ENDED, menus=True)
        return self.code(chat, WINDOW_S, state=state) if state in (POOL, PERSON) and first else ""
