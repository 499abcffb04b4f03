"""Personal details as places of a text; shared by the rules, the tagger and what merges them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: `start` and `end` in code points.
Place = tuple[int, int]


class PersonalKind(StrEnum):
    """The kinds of personal detail told apart."""

    PHONE = "PHONE"
    IDCARD = "IDCARD"
    BANKCARD = "BANKCARD"
    EMAIL = "EMAIL"
    PLATE = "PLATE"
    ADDRESS = "ADDRESS"
    NAME = "NAME"
    WECHAT = "WECHAT"
    QQ = "QQ"


@dataclass(frozen=True, slots=True)
class PersonalSpan:
    """A personal detail: `text[start:end]` in code points of the text as it was given."""

    start: int
    end: int
    kind: PersonalKind
