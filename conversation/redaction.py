"""Finds personal details in a text and blanks them; used before logs, prompts, drafts and `huiying predict redact`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from conversation.pii_addresses import find_addresses
from conversation.pii_names import find_names, find_names_beside
from conversation.pii_numbers import find_cards, find_identity_cards, find_phones, find_plates
from conversation.pii_online import find_emails, find_qq, find_urls, find_wechat

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


#: What stands in the place of a detail; Chinese, because prompts and staff read it.
BLANKS: dict[PersonalKind, str] = {
    PersonalKind.PHONE: "[手机号]",
    PersonalKind.IDCARD: "[身份证号]",
    PersonalKind.BANKCARD: "[银行卡号]",
    PersonalKind.EMAIL: "[邮箱]",
    PersonalKind.PLATE: "[车牌号]",
    PersonalKind.ADDRESS: "[地址]",
    PersonalKind.NAME: "[姓名]",
    PersonalKind.WECHAT: "[微信号]",
    PersonalKind.QQ: "[QQ号]",
}


@dataclass(frozen=True, slots=True)
class PersonalSpan:
    """A personal detail: `text[start:end]` in code points of the text as it was given."""

    start: int
    end: int
    kind: PersonalKind


#: Invisible characters people paste (zero-width space and joiners, word joiner, byte-order mark, direction marks).
_INVISIBLE = frozenset("\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\ufeff")
_NARROW: dict[int, int] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
#: Blanks, dashes and digits in other dress. Full-width commas and stops stay: they end clauses.
_NARROW |= {0x3000: 0x20, 0xA0: 0x20, 0x2002: 0x20, 0x2003: 0x20, 0x2009: 0x20, 0x202F: 0x20}
_NARROW |= dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212, 0xFE63), 0x2D)
for _kept in "，：；！？":
    del _NARROW[ord(_kept)]


def find_personal(text: str) -> tuple[PersonalSpan, ...]:
    """All personal details of `text`, in order and without overlap. Order and tracking numbers are none."""
    shown = [index for index, char in enumerate(text) if char not in _INVISIBLE]
    plain = "".join(text[index] for index in shown).translate(_NARROW)
    taken: list[PersonalSpan] = []
    urls = find_urls(plain)

    def take(kind: PersonalKind, places: Iterable[Place], closed: Iterable[Place] = ()) -> None:
        for start, end in places:
            if not _meets(start, end, closed) and not _meets(start, end, ((s.start, s.end) for s in taken)):
                taken.append(PersonalSpan(start, end, kind))

    take(PersonalKind.EMAIL, find_emails(plain), urls)
    take(PersonalKind.QQ, find_qq(plain), urls)
    take(PersonalKind.IDCARD, find_identity_cards(plain), urls)
    take(PersonalKind.BANKCARD, find_cards(plain), urls)
    take(PersonalKind.PHONE, find_phones(plain), urls)
    take(PersonalKind.WECHAT, find_wechat(plain), urls)
    take(PersonalKind.PLATE, find_plates(plain), urls)
    take(PersonalKind.ADDRESS, find_addresses(plain), urls)
    take(PersonalKind.NAME, find_names(plain))
    neighbours = [(s.start, s.end) for s in taken if s.kind in (PersonalKind.PHONE, PersonalKind.ADDRESS)]
    take(PersonalKind.NAME, find_names_beside(plain, neighbours))
    taken.sort(key=lambda span: span.start)
    return tuple(PersonalSpan(shown[s.start], shown[s.end - 1] + 1, s.kind) for s in taken)


def redact(text: str) -> str:
    """`text` with every personal detail replaced by its blank, such as `[手机号]`; safe for logs and prompts."""
    parts: list[str] = []
    done = 0
    for span in find_personal(text):
        parts += [text[done : span.start], BLANKS[span.kind]]
        done = span.end
    return "".join([*parts, text[done:]])


def _meets(start: int, end: int, places: Iterable[Place]) -> bool:
    return any(start < other_end and other_start < end for other_start, other_end in places)
