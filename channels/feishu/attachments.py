"""Files that go out: a file of another Feishu message is fetched, uploaded and sent; used by the channel's `send`."""

from __future__ import annotations

from channels.feishu.client import FeishuClient
from channels.feishu.contents import split_reference
from channels.feishu.outbound import attachment_call
from conversation.errors import GiveUp
from conversation.messages import Attachment, ContentKind, OutgoingMessage
from tools.feishu_api import FeishuFile


class Attachments:
    """Feishu takes a file only as an upload of its own, even when the file came from Feishu."""

    def __init__(self, client: FeishuClient) -> None:
        self._client = client

    async def fetch(self, attachment: Attachment) -> FeishuFile:
        """The bytes behind an attachment of a received message. `GiveUp` for one that is not Feishu's."""
        message_id, key = split_reference(attachment.reference)
        if not key:
            raise GiveUp("the file is not one of Feishu's")
        return await self._client.download(message_id, key, attachment.kind)

    async def send(self, message: OutgoingMessage, attachment: Attachment, idempotency_key: str) -> str:
        """Sends one attachment of a message and gives the new message's id."""
        file = await self.fetch(attachment)
        name = attachment.name or ("image" if attachment.kind is ContentKind.IMAGE else "file")
        key = await self._client.upload(file, attachment.kind, name)
        return await self._client.send(attachment_call(message, attachment.kind, key, idempotency_key))
