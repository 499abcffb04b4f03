"""The words and characters that tell personal details from their lookalikes; the features of the tagger read them."""

from __future__ import annotations

from collections import defaultdict
from enum import IntEnum
from pathlib import Path

from conversation.pii_addresses import NAMED_REGIONS
from conversation.pii_names import DOUBLE_SURNAMES, RARE_SURNAMES, SURNAMES


class Word(IntEnum):
    """What a known word announces or is."""

    NONE = 0
    NAME = 1
    PHONE = 2
    WECHAT = 3
    QQ = 4
    THING = 5
    CARD = 6
    IDENTITY = 7
    ADDRESS = 8
    EMAIL = 9
    PLATE = 10
    KIN = 11
    TITLE = 12
    ROLE = 13
    REGION = 14
    NOBODY = 15
    PLACE = 16
    COMPANY = 17
    DOUBLE_SURNAME = 18
    WANTS = 19
    GIVEN_NAME = 20
    FAMOUS = 21


#: Words after which the features remember for a while what was announced.
LABELS = frozenset(range(Word.NAME, Word.TITLE))


def read_lists(path: Path) -> dict[str, str]:
    """The lists of a text file: a line `[NAME]`, then words parted by blanks; a line that begins with # is a remark."""
    lists: dict[str, str] = {}
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
        elif not line.startswith("#"):
            lists[name] = f"{lists.get(name, '')} {line}".strip()
    return lists


_LISTS = read_lists(Path(__file__).with_suffix(".txt"))
#: Characters that stand in given names far more often than in talk.
GIVEN = _LISTS["GIVEN"].replace(" ", "")
#: Stars, authors, figures of history, tales and games: met in titles and on goods far more often than as customers.
FAMOUS = tuple(_LISTS["FAMOUS"].split())


def character_kinds() -> dict[str, int]:
    """For each character that tells something a set of bits: surname, rare surname, given name, unit of a place, …"""
    kinds: defaultdict[str, int] = defaultdict(int)
    for bit, characters in enumerate(
        (SURNAMES, RARE_SURNAMES, GIVEN, *(_LISTS[name] for name in ("UNITS", "TALK", "NUMERALS")))
    ):
        for character in characters.replace(" ", ""):
            kinds[character] |= 1 << bit
    return dict(kinds)


def known_words() -> dict[str, tuple[tuple[str, Word], ...]]:
    """The words by their first character, longest first; where a word is listed twice the first list wins."""
    listed: dict[str, Word] = {}
    for kind in Word:
        for word in _LISTS.get(kind.name, "").split():
            listed.setdefault(word, kind)
    for words, kind in ((NAMED_REGIONS, Word.REGION), (DOUBLE_SURNAMES.replace("|", " "), Word.DOUBLE_SURNAME)):
        for word in words.split():
            listed.setdefault(word, kind)
    found: defaultdict[str, list[tuple[str, Word]]] = defaultdict(list)
    for word, kind in sorted(listed.items(), key=lambda item: (-len(item[0]), item[0])):
        found[word[0]].append((word, kind))
    return {first: tuple(words) for first, words in found.items()}
