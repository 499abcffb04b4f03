"""What goes out besides words: files are uploaded first, links get a picture. Used by the channel's `send`."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Awaitable, Callable

import structlog

from channels.wechat_api import WechatFile
from channels.wecom_kf import outbound
from channels.wecom_kf.client import WecomKfClient
from channels.wecom_kf.outbound import Json
from conversation.errors import GiveUp
from conversation.messages import Attachment, ContentKind

logger = structlog.get_logger(__name__)

#: The bytes of an attachment that came from another platform; None for one of ours, which the platform knows already.
Fetch = Callable[[Attachment], Awaitable[WechatFile | None]]

#: An upload lives for three days; it is renewed well before.
UPLOAD_LIFE_S = 2 * 86_400.0
_PICTURE_SIDE, _PICTURE_COLOUR = 120, bytes((0x07, 0xC1, 0x60))
_NAMES = {ContentKind.IMAGE: "image.png", ContentKind.VOICE: "voice.amr", ContentKind.VIDEO: "video.mp4"}


class Files:
    """Makes the bodies of attachments."""

    def __init__(self, client: WecomKfClient, clock: Callable[[], float], fetch: Fetch | None = None) -> None:
        self._client = client
        self._clock = clock
        self._fetch = fetch
        self._picture = ("", 0.0)

    async def body(self, attachment: Attachment) -> Json:
        """The body that brings an attachment. Raises `RetryLater`, or `GiveUp` for what the platform cannot bring."""
        if attachment.kind is ContentKind.LINK:
            return outbound.link(attachment, await self._link_picture())
        if not attachment.reference:
            raise GiveUp("the attachment names no file")
        return outbound.media(attachment.kind, await self._media_id(attachment))

    async def _media_id(self, attachment: Attachment) -> str:
        file = await self._fetch(attachment) if self._fetch else None
        if file is None:
            return attachment.reference
        name = attachment.name or file.name or _NAMES.get(attachment.kind, "file")
        return await self._client.upload(outbound.media_type(attachment.kind), file, name)

    async def _link_picture(self) -> str:
        """The media_id of the picture that a link must have; empty where the platform takes none from us."""
        media_id, until = self._picture
        if self._clock() < until:
            return media_id
        try:
            media_id = await self._client.upload("image", WechatFile(plain_picture(), "image/png"), "link.png")
        except GiveUp as refused:
            logger.warning("wecom_kf.no_link_picture", reason=str(refused))
            media_id = ""
        self._picture = (media_id, self._clock() + UPLOAD_LIFE_S)
        return media_id


def plain_picture() -> bytes:
    """A small PNG of one colour."""
    row = b"\0" + _PICTURE_COLOUR * _PICTURE_SIDE
    head = struct.pack(">IIBBBBB", _PICTURE_SIDE, _PICTURE_SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(row * _PICTURE_SIDE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
