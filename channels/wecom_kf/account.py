"""What one 微信客服 app is set up with, and how a customer's chat with one of its accounts is named."""

from __future__ import annotations

from dataclasses import dataclass, field

from conversation.errors import GiveUp
from conversation.identity import Room, RoomKind

PLATFORM = "wecom_kf"


@dataclass(frozen=True, slots=True)
class WecomKfSettings:
    """One self-built app that may call the API of 微信客服 accounts. `previous_key` is the EncodingAESKey before the
    last change, kept while old callbacks may arrive.

    `open_kfids` are accounts to be asked for news even before their first callback. `greeting` is said to who opens
    the chat and wrote nothing for two days. `extra_hosts` (host or host:port) may serve files besides `api_base`.
    """

    account: str
    corp_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)
    previous_key: str = field(default="", repr=False)
    open_kfids: tuple[str, ...] = ()
    api_base: str = "https://qyapi.weixin.qq.com/cgi-bin/"
    extra_hosts: tuple[str, ...] = ()
    greeting: str = ""


@dataclass(frozen=True, slots=True)
class Chat:
    """One customer's chat with one 微信客服 account: what the platform wants to hear in every call."""

    open_kfid: str
    external_userid: str

    def room(self, account: str) -> Room:
        """The chat as a room."""
        return Room(PLATFORM, account, f"{self.open_kfid}/{self.external_userid}", RoomKind.DIRECT)


def chat_of(room: Room) -> Chat:
    """The chat that `room` stands for. Raises `GiveUp` for a room of another making."""
    open_kfid, _, external_userid = room.chat_id.partition("/")
    if not open_kfid or not external_userid:
        raise GiveUp(f"{room.room_id} is no chat with a 微信客服 account")
    return Chat(open_kfid, external_userid)
