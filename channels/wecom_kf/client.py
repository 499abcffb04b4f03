"""The calls that one 微信客服 app makes, each by name; tokens, retries and errors are `channels.wechat_api`'s.

Protocol: https://developer.work.weixin.qq.com/document/path/94638 and its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from channels.wechat_api import WechatApi, WechatFile
from channels.wecom_kf.account import Chat
from channels.wecom_kf.contents import words_at
from conversation.errors import GiveUp, RetryLater

PAGE_LIMIT = 1000
PEOPLE_LIMIT = 100
#: The largest file that a customer can send: document/path/94670.
MEDIA_LIMIT = 20 * 1024 * 1024

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """What one call of sync_msg gave. An empty page is not the end: only `has_more` tells."""

    messages: tuple[Json, ...]
    cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class KfCustomer:
    """A customer as the platform knows them. `unionid` is there when the company bound a developer account."""

    external_userid: str
    nickname: str = ""
    unionid: str = ""
    scene: str = ""
    scene_param: str = ""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who may receive the customers of an account; `receiving` says whether they do now."""

    userid: str
    receiving: bool


class WecomKfClient:
    """Every method raises as `WechatApi` does: `RetryLater`, `FateUnknown`, `WindowClosed`, `HumanHolds` or another
    `WechatRefused`."""

    def __init__(self, api: WechatApi) -> None:
        self._api = api

    async def sync(self, open_kfid: str, cursor: str, token: str) -> Page:
        """The page after `cursor`; an empty one starts three days ago. Without the callback's `token` it is scarce."""
        asked = {"cursor": cursor, "token": token, "limit": PAGE_LIMIT, "voice_format": 0, "open_kfid": open_kfid}
        said = await self._api.post("kf/sync_msg", asked, repeatable=True)
        rows, more = said.get("msg_list"), said.get("has_more") in (1, True)
        after = words_at(said, "next_cursor")
        if more and not after:
            # Going on would read the same page for ever.
            raise RetryLater("the platform says that there is more, but not where")
        messages = tuple(row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
        return Page(messages, after or cursor, more)

    async def send(self, body: Json) -> None:
        """Takes one message to a customer's chat. A lost answer is `FateUnknown`: a repeat would be refused."""
        await self._api.post("kf/send_msg", body)

    async def send_on_event(self, body: Json) -> None:
        """Answers an event by its code, once."""
        await self._api.post("kf/send_msg_on_event", body)

    async def state(self, chat: Chat) -> tuple[str, str]:
        """The state's number, and who holds the chat where a person does."""
        said = await self._api.post("kf/service_state/get", _named(chat), repeatable=True)
        return words_at(said, "service_state"), words_at(said, "servicer_userid")

    async def move(self, chat: Chat, state: int, userid: str = "") -> str:
        """Moves a chat to another state; gives the code by which the move may be announced, where there is one."""
        body: Json = {**_named(chat), "service_state": state}
        if userid:
            body["servicer_userid"] = userid
        return words_at(await self._api.post("kf/service_state/trans", body), "msg_code")

    async def colleagues(self, open_kfid: str) -> list[Colleague]:
        """The people who receive the customers of an account; departments are left out."""
        said = await self._api.get("kf/servicer/list", {"open_kfid": open_kfid})
        rows = said.get("servicer_list")
        return [
            Colleague(words_at(row, "userid"), words_at(row, "status") == "0")
            for row in (rows if isinstance(rows, list) else ())
            if words_at(row, "userid")
        ]

    async def accounts(self) -> dict[str, str]:
        """The names of the 微信客服 accounts that the app may manage, by open_kfid."""
        said = await self._api.post("kf/account/list", {"offset": 0, "limit": 100}, repeatable=True)
        rows = said.get("account_list")
        return {
            words_at(row, "open_kfid"): words_at(row, "name")
            for row in (rows if isinstance(rows, list) else ())
            if words_at(row, "open_kfid")
        }

    async def contact_link(self, open_kfid: str, scene: str = "") -> str:
        """A link that opens a chat with the account; `scene` (at most 32 bytes) comes back when somebody enters."""
        said = await self._api.post("kf/add_contact_way", {"open_kfid": open_kfid, "scene": scene}, repeatable=True)
        return words_at(said, "url")

    async def customers(self, external_userids: Sequence[str]) -> list[KfCustomer]:
        """Who these customers are, as far as they were active in the last two days. At most 100 at once."""
        asked = {"external_userid_list": list(external_userids[:PEOPLE_LIMIT]), "need_enter_session_context": 1}
        rows = (await self._api.post("kf/customer/batchget", asked, repeatable=True)).get("customer_list")
        return [
            KfCustomer(
                words_at(row, "external_userid"),
                words_at(row, "nickname"),
                words_at(row, "unionid"),
                words_at(row, "enter_session_context", "scene"),
                words_at(row, "enter_session_context", "scene_param"),
            )
            for row in (rows if isinstance(rows, list) else ())
            if words_at(row, "external_userid")
        ]

    async def media(self, media_id: str) -> WechatFile:
        """A file that a customer sent, for three days. `GiveUp` when it is gone or too large."""
        if not media_id or len(media_id) > 512:
            raise GiveUp("the attachment names no file of the platform")
        return await self._api.download("media/get", {"media_id": media_id}, limit=MEDIA_LIMIT)

    async def upload(self, media_type: str, file: WechatFile, name: str) -> str:
        """Keeps a file on the platform for three days so that a message can bring it; gives its media_id."""
        said = await self._api.upload("media/upload", name, file.content, file.media_type, params={"type": media_type})
        media_id = words_at(said, "media_id")
        if not media_id:
            raise RetryLater("the platform gave no media_id for an upload")
        return media_id


def _named(chat: Chat) -> Json:
    return {"open_kfid": chat.open_kfid, "external_userid": chat.external_userid}
