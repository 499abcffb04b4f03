"""The website widget's mail: visitors, every line that one of them sees, and the pictures they sent."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table, Text, UniqueConstraint

from store.schema.columns import METADATA, count, json_text, text_id, when, words

#: Who wrote by the widget. Whoever adds a line holds this row until the commit, so the numbers of a visitor's lines
#: become visible in order: a reader that saw number 7 has missed nothing before it.
widget_visitors = Table(
    "widget_visitors",
    METADATA,
    text_id(),
    words("account"),
    count("last_seq"),
    when("created_at", nullable=False),
    when("seen_at", nullable=False, index=True),
)

#: What a visitor sees, in order. by: visitor | bot | staff | house. kind: text | card | picture | hush (nothing is
#: said, waiting ends). `owner` is who has the conversation when the line leaves: bot | staff; `name` is theirs.
widget_lines = Table(
    "widget_lines",
    METADATA,
    Column("visitor_id", Text, ForeignKey("widget_visitors.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    words("line_id"),
    words("by"),
    words("kind", "text"),
    words("text"),
    json_text("card"),
    words("picture"),
    words("owner", "bot"),
    words("name"),
    when("at", nullable=False, index=True),
    UniqueConstraint("visitor_id", "line_id"),
)

widget_pictures = Table(
    "widget_pictures",
    METADATA,
    text_id(),
    Column("visitor_id", Text, nullable=False, index=True),
    words("media_type"),
    words("name"),
    Column("content", LargeBinary, nullable=False),
    when("at", nullable=False, index=True),
)
