"""What a 公众号 shows of our words; pure.

Protocol: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html
"""

from __future__ import annotations

from channels.mp_outbound import Bodies, Json, bodies_of, media_body
from conversation.messages import Attachment, ContentKind, OutgoingMessage


def to_bodies(message: OutgoingMessage) -> Bodies:
    """The customer-service messages that `message` is sent as."""
    return bodies_of(message, _attached)


def _attached(attachment: Attachment) -> Json | None:
    if attachment.kind is ContentKind.LINK:
        # One article is all that a customer-service message may hold.
        article = {"title": attachment.name or attachment.reference, "description": "", "url": attachment.reference}
        return {"msgtype": "news", "news": {"articles": [article]}}
    return media_body(attachment)
