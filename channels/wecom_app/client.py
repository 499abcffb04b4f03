"""The calls of one app, each by name; tokens, retries and errors are `channels.wechat_api`'s.

Protocol: https://developer.work.weixin.qq.com/document/path/90236 (send), /90245 (groups), /90253 (media).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels.wechat_api import WechatApi, WechatFile, WechatRefused
from channels.wecom_app.outbound import MEDIA, Json
from conversation.errors import FateUnknown, GiveUp
from conversation.messages import ContentKind

#: Bytes that the platform takes: document/path/90253.
UPLOAD_LIMITS = {
    "image": 10 * 1024 * 1024,
    "voice": 2 * 1024 * 1024,
    "video": 10 * 1024 * 1024,
    "file": 20 * 1024 * 1024,
}
MEDIA_LIMIT = 20 * 1024 * 1024
_SMALLEST_UPLOAD = 6  # more than five bytes, says the same page


class WecomAppClient:
    """One app's calls. Every method raises `RetryLater`, `FateUnknown` or `WechatRefused` (a `GiveUp`)."""

    def __init__(self, api: WechatApi, agent_id: int) -> None:
        self._api = api
        self._agent_id = agent_id

    async def send(self, path: str, body: Json) -> str:
        """Sends one part; gives the message's id, empty for a group's.

        A lost answer to a call with a duplicate check is asked for once more: the platform shows such a message once.
        """
        try:
            answer = await self._api.post(path, body)
        except FateUnknown:
            if not body.get("enable_duplicate_check"):
                raise
            answer = await self._api.post(path, body)
        _refuse_unreached(answer)
        return str(answer.get("msgid", ""))

    async def recall(self, message_id: str) -> None:
        """Takes a message back, within 24 hours: document/path/94867."""
        await self._api.post("message/recall", {"msgid": message_id}, repeatable=True)

    async def update_card(self, user_id: str, response_code: str, change: Mapping[str, Any]) -> None:
        """Changes a card by the code of its press, which works once: document/path/94888."""
        body = {"userids": [user_id], "agentid": self._agent_id, "response_code": response_code, **change}
        await self._api.post("message/update_template_card", body)

    async def create_group(self, name: str, owner: str, members: Sequence[str], chat_id: str) -> str:
        """Makes a group of the company's members under an id of ours; a group that stands already is taken as made."""
        body = {"name": name[:50], "owner": owner, "userlist": list(members), "chatid": chat_id}
        try:
            return str((await self._api.post("appchat/create", body)).get("chatid", chat_id))
        except (FateUnknown, WechatRefused) as failed:
            if not await self._has_group(chat_id):
                raise failed
            return chat_id

    async def upload(self, kind: ContentKind, file: WechatFile) -> str:
        """Puts a file at the platform's for three days; gives its media id."""
        form = MEDIA.get(kind, "file")
        if not _SMALLEST_UPLOAD <= len(file.content) <= UPLOAD_LIMITS[form]:
            raise GiveUp(f"WeCom takes no {form} of {len(file.content)} bytes")
        name = file.name or f"{form}.{_ENDINGS.get(form, 'bin')}"
        answer = await self._api.upload(
            "media/upload", name, file.content, file.media_type or "application/octet-stream", params={"type": form}
        )
        media_id = answer.get("media_id")
        if not isinstance(media_id, str) or not media_id:
            raise GiveUp("WeCom named no media_id for the upload")
        return media_id

    async def download(self, reference: str) -> WechatFile:
        """The file behind a media id, or behind a URL on a trusted host."""
        if reference.startswith(("http://", "https://")):
            return await self._api.download(reference, limit=MEDIA_LIMIT)
        return await self._api.download("media/get", {"media_id": reference}, limit=MEDIA_LIMIT)

    async def _has_group(self, chat_id: str) -> bool:
        try:
            await self._api.get("appchat/get", {"chatid": chat_id})
        except GiveUp:
            return False
        return True


_ENDINGS = {"image": "png", "voice": "amr", "video": "mp4"}


def _refuse_unreached(answer: Json) -> None:
    """An errcode of 0 may still name receivers that got nothing: document/path/90236."""
    if answer.get("invaliduser"):
        raise WechatRefused("the member is none of the app's: see its visible range", 81013)
    if answer.get("unlicenseduser"):
        raise WechatRefused("the member has no 基础接口许可 (licence) for the app", 81013)
