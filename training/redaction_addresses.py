"""Invents postal addresses as people write them, whole or half given, for more practice of the redaction tagger."""

from __future__ import annotations

from pathlib import Path
from random import Random

from retrieval.models.redaction_words import read_lists

_LISTS = {name: words.split() for name, words in read_lists(Path(__file__).with_name("redaction_parts.txt")).items()}
_CHINESE = "一二三四五六七八九"


def invented(random: Random) -> str:
    """One address: a flat, a house on a street, an office or a village."""
    form = random.random()
    if form < 0.14:
        return _village(random)
    city = random.choice(_LISTS["CITIES"]) if random.random() < 0.7 else ""
    street = random.choice(_LISTS["STREETS"]) + _number(random) if city and random.random() < 0.75 else ""
    if not city and random.random() < 0.35:
        street = random.choice(_LISTS["STREETS"]) + _number(random)
    place = random.choice(_LISTS["PLACES"]) if not street or random.random() < 0.65 else ""
    phase = (
        random.choice(("一期", "二期", "三期", "东区", "南区", "A区", "北苑"))
        if place and random.random() < 0.12
        else ""
    )
    rooms = _rooms(random) if place or random.random() < 0.3 else ""
    if not city and not street and not rooms:
        rooms = _rooms(random)
    gap = random.choice(("", "", "", "", " "))
    return gap.join(part for part in (city, street, place + phase + rooms) if part)


def _number(random: Random) -> str:
    number = str(random.randint(1, 999))
    return random.choice(
        (
            f"{number}号",
            f"{number}号",
            f"{number}号",
            f"{number}弄",
            f"{number}-{random.randint(1, 9)}号",
            f"{number}号院",
        )
    )


def _rooms(random: Random) -> str:
    house, unit, floor = random.randint(1, 38), random.randint(1, 4), random.randint(1, 32)
    room = f"{floor}{random.randint(1, 8):02d}"
    letter = random.choice("ABCDEF")
    return random.choice(
        (
            f"{house}栋{unit}单元{room}",
            f"{house}栋{unit}单元{room}室",
            f"{house}号楼{unit}单元{room}",
            f"{house}栋{room}",
            f"{house}栋",
            f"{house}号楼",
            f"{house}-{unit}-{room}",
            f"{letter}座{room}",
            f"{letter}座{floor}楼",
            f"{letter}{house}栋{room}室",
            f"{house}幢{room}室",
            f"{house}#{room}",
            f"{house}号楼{room}室",
            f"{random.choice(_CHINESE)}栋{random.choice(_CHINESE)}单元{room}",
            f"{floor}楼",
            f"{letter}区{house}号",
            f"{house}栋{floor}楼东户",
            f"{house}号{room}",
        )
    )


def _village(random: Random) -> str:
    county = random.choice(_LISTS["COUNTIES"])
    group = random.choice(
        (f"{random.randint(1, 12)}组", f"{random.choice(_CHINESE)}组", f"{random.randint(1, 99)}号", "村口小卖部", "")
    )
    return county + random.choice(_LISTS["TOWNS"]) + random.choice(_LISTS["VILLAGES"]) + group
