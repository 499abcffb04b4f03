"""What a 小程序's customer service shows of our words; pure.

Protocol: https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/kf-mgnt/kf-message/sendCustomMessage.html
"""

from __future__ import annotations

from functools import partial

from channels.mini_program.account import MiniProgramSettings
from channels.mp_outbound import Bodies, Json, bodies_of, media_body
from conversation.messages import Attachment, ContentKind, OutgoingMessage


def to_bodies(message: OutgoingMessage, settings: MiniProgramSettings) -> Bodies:
    """The customer-service messages that `message` is sent as: texts, pictures, links, pages of the 小程序."""
    return bodies_of(message, partial(_attached, settings=settings))


def _attached(attachment: Attachment, settings: MiniProgramSettings) -> Json | None:
    title, reference = attachment.name or attachment.reference, attachment.reference
    if attachment.kind is ContentKind.LINK:
        link = {"title": title, "description": "", "url": reference, "thumb_url": settings.thumb_url}
        return {"msgtype": "link", "link": link}
    if attachment.kind is ContentKind.CARD:
        # A page without its picture is refused by the platform.
        page = {"title": title, "pagepath": reference, "thumb_media_id": settings.thumb_media_id}
        return {"msgtype": "miniprogrampage", "miniprogrampage": page} if settings.thumb_media_id else None
    return media_body(attachment) if attachment.kind is ContentKind.IMAGE else None
