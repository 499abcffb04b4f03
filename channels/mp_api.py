"""The calls of a 公众号 or 小程序 to its customers: messages, the typing sign, files, notices outside the window.

Protocol: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels.wechat_api import WechatApi, WechatFile, WechatRefused
from conversation.errors import GiveUp, RetryLater
from conversation.messages import ContentKind

MEDIA_LIMIT = 20 * 1024 * 1024
#: 45080: the customer wrote nothing in the last seconds; 45081: the sign is shown already.
_NOT_NOW = frozenset({45072, 45080, 45081})
_UPLOAD_TYPES = {ContentKind.IMAGE: "image", ContentKind.VOICE: "voice", ContentKind.VIDEO: "video"}

Json = Mapping[str, Any]


class MpApi:
    """One account's calls; errors are those of `WechatApi.post`."""

    def __init__(self, api: WechatApi) -> None:
        self._api = api

    async def say(self, openid: str, body: Json) -> None:
        """Sends one customer-service message: `body` is `{"msgtype": …, …}`. It has no id, and no key of ours."""
        await self._api.post("message/custom/send", {"touser": openid, **body})

    async def type(self, openid: str, *, typing: bool = True) -> bool:
        """Shows or ends 对方正在输入…; False when the platform does not want to now."""
        command = {"touser": openid, "command": "Typing" if typing else "CancelTyping"}
        try:
            await self._api.post("message/custom/typing", command, repeatable=True)
        except WechatRefused as refused:
            if refused.code in _NOT_NOW:
                return False
            raise
        return True

    async def media(self, media_id: str) -> WechatFile:
        """The file that a customer sent; the platform keeps it for three days."""
        return await self._api.download("media/get", {"media_id": media_id}, limit=MEDIA_LIMIT)

    async def upload(self, kind: ContentKind, name: str, content: bytes, media_type: str) -> str:
        """Uploads a file for three days and gives its media id. `GiveUp` for a kind that the platform does not take."""
        if kind not in _UPLOAD_TYPES:
            raise GiveUp(f"the platform takes no {kind.value} from an account")
        params = {"type": _UPLOAD_TYPES[kind]}
        answer = await self._api.upload("media/upload", name, content, media_type, params=params)
        media_id = answer.get("media_id")
        if not isinstance(media_id, str) or not media_id:
            raise RetryLater("the platform gave no media id")
        return media_id

    async def notify(self, path: str, body: Json) -> None:
        """Sends a template or subscription message, which needs no open window."""
        await self._api.post(path, body)

    async def user(self, openid: str) -> Json:
        """What the account knows of a follower, `unionid` among it (公众号 only)."""
        return await self._api.get("user/info", {"openid": openid, "lang": "zh_CN"})

    async def hand_to_desk(self, openid: str, kf_account: str) -> None:
        """Opens a session of WeChat's own 客服 tool with one of its people (公众号 only)."""
        body = {"openid": openid, "kf_account": kf_account}
        await self._api.post("../customservice/kfsession/create", body, repeatable=True)
