"""Pictures that visitors sent: checked by their first bytes, kept in the database, given back to their visitor only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from channels.web_widget.account import PICTURE_LIMIT, PICTURES_A_DAY
from channels.web_widget.refusal import WidgetRefusal
from store.dialects import insert_new
from store.schema import widget_pictures, widget_visitors

_DAY_S = 86400.0
_KEEP = insert_new(widget_pictures)
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it was sent."""

    content: bytes
    media_type: str
    name: str = ""


def checked(content: bytes, name: str) -> Picture:
    """A picture of a kind that every browser shows. Raises `WidgetRefusal`: empty, too large, or something else."""
    if not content:
        raise WidgetRefusal("empty", "a picture without content")
    if len(content) > PICTURE_LIMIT:
        raise WidgetRefusal("too_long", f"a picture larger than {PICTURE_LIMIT} bytes", 413)
    media_type = kind_of(content)
    if not media_type:
        raise WidgetRefusal("type", "a file that is no PNG, JPEG, GIF or WebP picture", 415)
    return Picture(content, media_type, name or f"picture.{_ENDINGS[media_type]}")


def kind_of(content: bytes) -> str:
    """The media type by the first bytes, whatever the name claims; empty for anything else."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else ""


def keep(connection: Connection, key: str, visitor_id: str, picture: Picture, now: float) -> None:
    """Keeps a picture, once per key. Raises `WidgetRefusal` for more than a day's share."""
    recent = select(func.count()).where(
        widget_pictures.c.visitor_id == visitor_id,
        widget_pictures.c.at > now - _DAY_S,
        widget_pictures.c.id != key,
    )
    if connection.execute(recent).scalar_one() >= PICTURES_A_DAY:
        raise WidgetRefusal("rate", "a visitor with too many pictures a day", 429, 3600.0)
    row = {
        "id": key,
        "visitor_id": visitor_id,
        "media_type": picture.media_type,
        "name": picture.name,
        "content": picture.content,
        "at": now,
    }
    connection.execute(_KEEP.on(connection), row)


def find(connection: Connection, key: str, visitor_id: str = "") -> Picture | None:
    """A picture by its key; of one visitor alone where one is named."""
    query = select(widget_pictures).where(widget_pictures.c.id == key)
    if visitor_id:
        query = query.where(widget_pictures.c.visitor_id == visitor_id)
    row = connection.execute(query).first()
    return Picture(bytes(row.content), row.media_type, row.name) if row else None


def forget(connection: Connection, account: str, *, before: float) -> int:
    """Forgets the pictures of an account that came before a moment; gives how many."""
    own = select(widget_visitors.c.id).where(widget_visitors.c.account == account)
    old = delete(widget_pictures).where(widget_pictures.c.at < before, widget_pictures.c.visitor_id.in_(own))
    return connection.execute(old).rowcount


def erase(connection: Connection, visitor_id: str) -> None:
    """Forgets a visitor's pictures."""
    connection.execute(delete(widget_pictures).where(widget_pictures.c.visitor_id == visitor_id))
