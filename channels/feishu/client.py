"""The Feishu calls that the channel makes, each by name; tokens, retries and errors are `tools.feishu_api`'s.

Protocol: https://open.feishu.cn/document/server-docs/im-v1/message/intro
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from channels.feishu.contents import read_content
from conversation.errors import GiveUp
from conversation.messages import ContentKind
from tools.feishu_api import FeishuApi, FeishuCall, FeishuFile
from tools.feishu_values import as_dict, as_list, as_text

#: What Feishu itself takes: https://open.feishu.cn/document/server-docs/im-v1/image/create and …/file/create
IMAGE_LIMIT = 10 * 1024 * 1024
FILE_LIMIT = 30 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """The app's bot: by `open_id` it knows whether a mention means it."""

    open_id: str
    name: str


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """A message as the platform gives it back. `app_id` is set when an app wrote it, `open_id` when a person did."""

    message_id: str
    chat_id: str
    text: str
    app_id: str = ""
    open_id: str = ""
    root_id: str = ""
    thread_id: str = ""


@dataclass(frozen=True, slots=True)
class KnownChat:
    """A chat as the platform describes it. `keeps_topics`: whatever is said there begins a topic or belongs to one."""

    title: str = ""
    direct: bool = False
    keeps_topics: bool = False


@dataclass(frozen=True, slots=True)
class KnownUser:
    """A user as far as the app may see: each part may be empty. Departments are open_department_ids."""

    name: str = ""
    department_ids: tuple[str, ...] = ()


class FeishuClient:
    """One app's calls. Every method raises `RetryLater`, `FateUnknown` or `FeishuRefused` (a `GiveUp`)."""

    def __init__(self, api: FeishuApi, extra_hosts: frozenset[str] = frozenset()) -> None:
        self._api = api
        self._extra_hosts = extra_hosts

    async def send(self, call: FeishuCall) -> str:
        """Makes a call of `outbound`; gives the message's id, an empty string when an old message was changed."""
        return as_text((await self._api.call(call)).get("message_id"))

    async def withdraw(self, message_id: str) -> None:
        """Takes a message of the bot back."""
        await self._api.call(FeishuCall("DELETE", _message(message_id), repeatable=True))

    async def message(self, message_id: str) -> KnownMessage:
        """One message and its words; of a card only a lossy text form comes back."""
        data = await self._api.call(FeishuCall("GET", _message(message_id)))
        item = as_dict(next(iter(as_list(data.get("items"))), None))
        if not item:
            raise GiveUp("Feishu gives no such message")
        sender = as_dict(item.get("sender"))
        by_app = sender.get("sender_type") == "app"
        return KnownMessage(
            message_id=message_id,
            chat_id=as_text(item.get("chat_id")),
            text=_words(item),
            app_id=as_text(sender.get("id")) if by_app else "",
            open_id="" if by_app else as_text(sender.get("id")),
            root_id=as_text(item.get("root_id")),
            thread_id=as_text(item.get("thread_id")),
        )

    async def chat(self, chat_id: str) -> KnownChat:
        """What kind of chat it is; the bot must be in it."""
        data = await self._api.call(FeishuCall("GET", f"im/v1/chats/{quote(chat_id, safe='')}"))
        mode, form = as_text(data.get("chat_mode")), as_text(data.get("group_message_type"))
        return KnownChat(as_text(data.get("name")), mode == "p2p", mode == "topic" or form == "thread")

    async def react(self, message_id: str, emoji: str) -> str:
        """Puts a reaction (e.g. OnIt) on a message; gives the reaction's id."""
        body = {"reaction_type": {"emoji_type": emoji}}
        call = FeishuCall("POST", f"{_message(message_id)}/reactions", body=body, repeatable=True)
        return as_text((await self._api.call(call)).get("reaction_id"))

    async def unreact(self, message_id: str, reaction_id: str) -> None:
        """Takes a reaction of the bot back."""
        path = f"{_message(message_id)}/reactions/{quote(reaction_id, safe='')}"
        await self._api.call(FeishuCall("DELETE", path, repeatable=True))

    async def reactions(self, message_id: str, emoji: str, app_id: str) -> list[str]:
        """The ids of this emoji's reactions that our app put on a message."""
        params = {"reaction_type": emoji, "page_size": 50}
        data = await self._api.call(FeishuCall("GET", f"{_message(message_id)}/reactions", params=params))
        items = [as_dict(item) for item in as_list(data.get("items"))]
        ours = [item for item in items if as_text(as_dict(item.get("operator")).get("operator_id")) == app_id]
        return [as_text(item.get("reaction_id")) for item in ours]

    async def bot(self) -> BotIdentity:
        """Who the bot is; also the cheapest proof that app_id, app_secret and bot ability are right."""
        bot = as_dict((await self._api.call(FeishuCall("GET", "bot/v3/info"))).get("bot"))
        if not as_text(bot.get("open_id")):
            raise GiveUp("Feishu names no bot for this app: switch on its bot ability")
        return BotIdentity(as_text(bot.get("open_id")), as_text(bot.get("app_name")))

    async def user(self, open_id: str) -> KnownUser:
        """A user, as far as the app may see."""
        path = f"contact/v3/users/{quote(open_id, safe='')}"
        data = await self._api.call(FeishuCall("GET", path, params={"user_id_type": "open_id"}))
        user = as_dict(data.get("user"))
        departments = tuple(as_text(one) for one in as_list(user.get("department_ids")))
        return KnownUser(as_text(user.get("name")), departments)

    async def department(self, department_id: str) -> str:
        """The name of a department."""
        path = f"contact/v3/departments/{quote(department_id, safe='')}"
        params = {"department_id_type": "open_department_id"}
        data = await self._api.call(FeishuCall("GET", path, params=params))
        return as_text(as_dict(data.get("department")).get("name"))

    async def tenant(self) -> tuple[str, str]:
        """(tenant_key, name) of the enterprise that the app belongs to."""
        tenant = as_dict((await self._api.call(FeishuCall("GET", "tenant/v2/tenant/query"))).get("tenant"))
        return as_text(tenant.get("tenant_key")), as_text(tenant.get("name"))

    async def download(self, message_id: str, key: str, kind: ContentKind) -> FeishuFile:
        """The bytes of a file in a message, up to Feishu's own limits."""
        image = kind is ContentKind.IMAGE
        path = f"{_message(message_id)}/resources/{quote(key, safe='')}"
        call = FeishuCall("GET", path, params={"type": "image" if image else "file"})
        return await self._api.download(call, limit=IMAGE_LIMIT if image else FILE_LIMIT, hosts=self._extra_hosts)

    async def upload(self, file: FeishuFile, kind: ContentKind, name: str) -> str:
        """Uploads a file so that a message can bring it; gives its key."""
        if kind is ContentKind.IMAGE:
            files: dict[str, Any] = {"image_type": (None, "message"), "image": (name, file.content, file.media_type)}
            data = await self._api.call(FeishuCall("POST", "im/v1/images", files=files, repeatable=True))
            return as_text(data.get("image_key"))
        files = {
            "file_type": (None, "stream"),
            "file_name": (None, name),
            "file": (name, file.content, file.media_type),
        }
        data = await self._api.call(FeishuCall("POST", "im/v1/files", files=files, repeatable=True))
        return as_text(data.get("file_key"))

    async def update_pressed(self, update_token: str, card: dict[str, Any]) -> None:
        """Changes a card by the token of a press, within 30 minutes and after the press was answered."""
        body = {"token": update_token, "card": card}
        await self._api.call(FeishuCall("POST", "interactive/v1/card/update", body=body, repeatable=True))


def _message(message_id: str) -> str:
    return f"im/v1/messages/{quote(message_id, safe='')}"


def _words(item: dict[str, Any]) -> str:
    content = read_content(as_text(item.get("msg_type")), as_dict(item.get("body")).get("content"), "")
    text = content.text
    named = [as_dict(entry) for entry in as_list(item.get("mentions"))]
    for entry in sorted(named, key=lambda entry: -len(as_text(entry.get("key")))):
        if as_text(entry.get("key")):
            text = text.replace(as_text(entry["key"]), f"@{as_text(entry.get('name'))}")
    return text
