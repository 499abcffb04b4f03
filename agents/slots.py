"""Finds the handles a case hangs on: order numbers, tracking numbers, ticket numbers."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
TICKET = re.compile(r"(?<![A-Za-z0-9])T-?(\d{8})-?(\d{4,6})(?!\d)", re.IGNORECASE)
LABELLED_TRACKING = re.compile(
    r"(?:快递|运|物流|tracking)(?:单号|号|\s*(?:number|no\.?))?[\s:：是为#]*([A-Za-z]{0,4}\d{8,20})", re.IGNORECASE
)
#: Prefixes of the large carriers, so that a bare number is recognised.
CARRIER = re.compile(
    r"(?<![A-Za-z0-9])((?:SF|YT|ZTO|STO|JD[A-Z]{0,2}|JT|EMS|DPK|YD|EA|EB)\d{9,18})(?![A-Za-z0-9])", re.I
)
LABELLED_ORDER = re.compile(
    r"(?:订单(?:编?号)?|单号|order(?:\s*(?:number|no\.?|id))?)[\s:：是为#]*"
    r"([A-Za-z]{0,4}-?\d[\dA-Za-z-]{3,28}[\dA-Za-z])",
    re.IGNORECASE,
)
BARE_NUMBER = re.compile(r"(?<![\dA-Za-z.-])([A-Z]{0,4}-?\d{8,24})(?![\dA-Za-z])")
PHONE = re.compile(r"(?:\+?86)?1[3-9]\d{9}")
IDENTITY_CARD = re.compile(r"\d{17}[\dXx]")


@dataclass(frozen=True, slots=True)
class Slots:
    """The numbers in a text, each once, in order of appearance. Ticket numbers are in our form `T-20261120-0001`."""

    orders: tuple[str, ...] = ()
    trackings: tuple[str, ...] = ()
    tickets: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """True when the text names an order, a parcel or a ticket."""
        return bool(self.orders or self.trackings or self.tickets)


def find_slots(text: str) -> Slots:
    """The slots of `text`. Phone and identity-card numbers are none of them."""
    if not any(char.isdigit() for char in text):
        return Slots()
    rest = unicodedata.normalize("NFKC", text).translate(INVISIBLE)
    tickets, rest = _take(TICKET, rest)
    trackings, rest = _take(LABELLED_TRACKING, rest)
    more, rest = _take(CARRIER, rest)
    orders, rest = _take(LABELLED_ORDER, rest)
    bare, rest = _take(BARE_NUMBER, rest)
    orders += [number for number in bare if not (PHONE.fullmatch(number) or IDENTITY_CARD.fullmatch(number))]
    return Slots(_once(orders), _once(trackings + more), _once(tickets))


def is_only_numbers(text: str) -> bool:
    """True when a message is nothing but such a number and its label: the answer to "which order?"."""
    slots = find_slots(text)
    if not (slots.orders or slots.trackings):
        return False
    rest = unicodedata.normalize("NFKC", text).translate(INVISIBLE)
    for number in slots.orders + slots.trackings:
        rest = rest.replace(number, "")
    rest = re.sub(r"我的|订单编?号?|快递|物流|运?单号|号码|号|是|为|的|这个|就|给您?|发|您好?|你好?|[\W_]", "", rest)
    return not rest


def _take(pattern: re.Pattern[str], text: str) -> tuple[list[str], str]:
    """All finds of `pattern`, and the text without them, so that a number counts as one thing only."""
    found = ["T-" + "-".join(match.groups()) if pattern is TICKET else match[1] for match in pattern.finditer(text)]
    return found, pattern.sub(" ", text) if found else text


def _once(numbers: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(numbers))
