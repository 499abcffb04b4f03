"""Files that go out: a file of another Feishu message is fetched, uploaded and sent; used by the channel's `send`."""

from __future__ import annotations

from collections import OrderedDict

from channels.feishu.client import FeishuClient
from channels.feishu.contents import split_reference
from channels.feishu.outbound import attachment_call
from conversation.errors import GiveUp
from conversation.messages import Attachment, ContentKind, OutgoingMessage
from tools.feishu_api import FeishuFile

UPLOADS_REMEMBERED = 512


class Attachments:
    """Feishu takes a file only as an upload of its own, even when the file came from Feishu."""

    def __init__(self, client: FeishuClient) -> None:
        self._client = client
        self._uploaded: OrderedDict[str, str] = OrderedDict()

    async def fetch(self, attachment: Attachment) -> FeishuFile:
        """The bytes behind an attachment of a received message. `GiveUp` for one that is not Feishu's."""
        message_id, key = split_reference(attachment.reference)
        if not key:
            raise GiveUp("the file is not one of Feishu's")
        return await self._client.download(message_id, key, attachment.kind)

    async def send(self, message: OutgoingMessage, attachment: Attachment, idempotency_key: str) -> str:
        """Sends one attachment of a message and gives the new message's id."""
        key = self._uploaded.get(idempotency_key) or await self._upload(attachment, idempotency_key)
        return await self._client.send(attachment_call(message, attachment.kind, key, idempotency_key))

    async def _upload(self, attachment: Attachment, idempotency_key: str) -> str:
        file = await self.fetch(attachment)
        name = attachment.name or ("image" if attachment.kind is ContentKind.IMAGE else "file")
        key = await self._client.upload(file, attachment.kind, name)
        # The same message sent again must bring the same file, or its uuid would stand for two contents.
        self._uploaded[idempotency_key] = key
        if len(self._uploaded) > UPLOADS_REMEMBERED:
            self._uploaded.popitem(last=False)
        return key
