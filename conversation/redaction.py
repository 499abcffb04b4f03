"""Finds personal details in a text and blanks them; used before logs, prompts, drafts and `huiying predict redact`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from conversation.personal_spans import PersonalKind, PersonalSpan, Place
from conversation.pii_addresses import find_addresses
from conversation.pii_merging import merged
from conversation.pii_names import find_names, find_names_beside
from conversation.pii_numbers import find_cards, find_identity_cards, find_phones, find_plates, number_chains
from conversation.pii_online import find_emails, find_qq, find_urls, find_wechat

__all__ = ["BLANKS", "PersonalKind", "PersonalSpan", "Redact", "Redactor", "TagsPersonal", "find_personal", "redact"]

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


#: Invisible characters people paste (zero-width space and joiners, word joiner, byte-order mark, direction marks).
_INVISIBLE = frozenset("\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\ufeff")
_NARROW: dict[int, int] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
#: Blanks, dashes and digits in other dress. Full-width commas and stops stay: they end clauses.
_NARROW |= {0x3000: 0x20, 0xA0: 0x20, 0x2002: 0x20, 0x2003: 0x20, 0x2009: 0x20, 0x202F: 0x20}
_NARROW |= dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212, 0xFE63), 0x2D)
for _kept in "，：；！？":
    del _NARROW[ord(_kept)]


_HIDDEN = re.compile(f"[{''.join(sorted(_INVISIBLE))}]")
_DRESSED = re.compile(f"[{''.join(map(chr, sorted(_NARROW)))}]")


class TagsPersonal(Protocol):
    """A trained reader of personal details. It weighs what the rules found and may find more or deny some of it."""

    def tag(self, text: str, told: Sequence[PersonalSpan]) -> Sequence[PersonalSpan]:
        """The details of `text`, in order and without overlap; `told` are those of the rules. Any text is fine;
        of a long one only the front may be read."""
        ...


#: Takes a text, gives it with every personal detail blanked.
Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Redactor:
    """Rules and, where there is one, a tagger; what is built once and handed to all that write logs and prompts."""

    tagger: TagsPersonal | None = None

    def find(self, text: str) -> tuple[PersonalSpan, ...]:
        """All personal details of `text`, in order and without overlap."""
        return find_personal(text, self.tagger)

    def redact(self, text: str) -> str:
        """`text` with every personal detail replaced by its blank."""
        return redact(text, self.tagger)


def find_personal(text: str, tagger: TagsPersonal | None = None) -> tuple[PersonalSpan, ...]:
    """All personal details of `text`, in order and without overlap. Order and tracking numbers are none.

    Without a tagger the rules alone decide.
    """
    shown: Sequence[int] = range(len(text))
    plain = text
    if _HIDDEN.search(text):
        shown = [index for index, char in enumerate(text) if char not in _INVISIBLE]
        plain = "".join(text[index] for index in shown)
    plain = _DRESSED.sub(lambda match: chr(_NARROW[ord(match.group())]), plain)
    urls = find_urls(plain)
    spans = _ruled(plain, urls)
    if tagger is not None:
        spans = merged(plain, spans, tagger.tag(plain, spans), urls)
    return tuple(PersonalSpan(shown[s.start], shown[s.end - 1] + 1, s.kind) for s in spans)


def _ruled(plain: str, urls: Sequence[Place]) -> list[PersonalSpan]:
    spans: list[PersonalSpan] = []
    taken = bytearray(len(plain))

    def take(kind: PersonalKind, places: Iterable[Place]) -> None:
        for start, end in places:
            if taken.find(1, start, end) < 0:
                spans.append(PersonalSpan(start, end, kind))
                taken[start:end] = b"\x01" * (end - start)

    for start, end in urls:
        taken[start:end] = b"\x01" * (end - start)
    chains = number_chains(plain)
    for kind, find in _FINDERS:
        take(kind, find(plain, chains))
    for start, end in urls:
        taken[start:end] = bytes(end - start)
    take(PersonalKind.NAME, find_names(plain))
    neighbours = [(s.start, s.end) for s in spans if s.kind in (PersonalKind.PHONE, PersonalKind.ADDRESS)]
    take(PersonalKind.NAME, find_names_beside(plain, neighbours))
    return sorted(spans, key=lambda span: span.start)


#: The rules in their order of precedence; names come last, they may lean on what stands beside them.
_FINDERS: tuple[tuple[PersonalKind, Callable[[str, Sequence[Place]], Iterable[Place]]], ...] = (
    (PersonalKind.EMAIL, lambda text, _: find_emails(text)),
    (PersonalKind.QQ, lambda text, _: find_qq(text)),
    (PersonalKind.IDCARD, find_identity_cards),
    (PersonalKind.BANKCARD, find_cards),
    (PersonalKind.PHONE, find_phones),
    (PersonalKind.WECHAT, lambda text, _: find_wechat(text)),
    (PersonalKind.PLATE, lambda text, _: find_plates(text)),
    (PersonalKind.ADDRESS, lambda text, _: find_addresses(text)),
)


def redact(text: str, tagger: TagsPersonal | None = None) -> str:
    """`text` with every personal detail replaced by its blank, such as `[手机号]`; safe for logs and prompts."""
    parts: list[str] = []
    done = 0
    for span in find_personal(text, tagger):
        parts += [text[done : span.start], BLANKS[span.kind]]
        done = span.end
    return "".join([*parts, text[done:]])
