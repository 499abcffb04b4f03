"""More practice from the same lines: invented names and numbers take the place of the written ones, seeded."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from conversation.personal_spans import PersonalKind, PersonalSpan
from conversation.pii_names import DOUBLE_SURNAMES, RARE_SURNAMES, SURNAMES
from retrieval.models.redaction_words import FAMOUS, GIVEN, read_lists
from training.redaction_addresses import invented

#: Surnames by how common they are: the first of the list come up far more often.
_COMMON = SURNAMES[:40]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LISTS = {name: words.split() for name, words in read_lists(Path(__file__).with_name("redaction_parts.txt")).items()}
#: Parts that the numbers of written addresses are swapped for keep their unit; only the digits change.
_HOUSE = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Line:
    """A text with its true details."""

    text: str
    spans: tuple[PersonalSpan, ...]


def varied(line: Line, random: Random) -> Line:
    """The line with some of its details swapped for invented ones of the same form."""
    parts: list[str] = []
    spans: list[PersonalSpan] = []
    done = length = 0
    for span in line.spans:
        before, detail = line.text[done : span.start], line.text[span.start : span.end]
        swapped = _SWAPS[span.kind](detail, random) if random.random() < 0.85 else detail
        start = length + len(before)
        length = start + len(swapped)
        parts += [before, swapped]
        spans.append(PersonalSpan(start, length, span.kind))
        done = span.end
    rest = line.text[done:]
    if not spans:
        return Line(_renumbered(rest, random), ())
    if rest == "" and random.random() < 0.2:
        rest = random.choice(("。", " ", "，谢谢", "！", "\n", "谢谢", " 麻烦了", "，急"))
    return Line("".join([*parts, rest]), tuple(spans))


def joined(first: Line, second: Line, random: Random) -> Line:
    """Both lines as one, as people do who send everything at once."""
    gap = random.choice(("，", "，", " ", " ", "。", "\n", "！", ",", "  ", "、", "；"))
    shift = len(first.text) + len(gap)
    moved = (PersonalSpan(span.start + shift, span.end + shift, span.kind) for span in second.spans)
    return Line(f"{first.text}{gap}{second.text}", (*first.spans, *moved))


_PARTS = (
    (PersonalKind.NAME, "姓名 收货人 收件人 联系人 收件 收 名字 name"),
    (PersonalKind.PHONE, "电话 手机 手机号 联系电话 tel 号码 联系方式"),
    (PersonalKind.ADDRESS, "地址 收货地址 收件地址 详细地址 寄 送"),
    (PersonalKind.WECHAT, "微信 vx 微信号 v wx 加我微信"),
    (PersonalKind.QQ, "qq QQ qq号 扣扣"),
)


def card(random: Random) -> Line:
    """A contact as people paste it: some of name, phone, address and online names, in any order, labelled or bare."""
    wanted = [part for part in _PARTS[:3] if random.random() < 0.75] or [_PARTS[0], _PARTS[1]]
    wanted += [part for part in _PARTS[3:] if random.random() < 0.12]
    random.shuffle(wanted)
    labelled, colon = random.random() < 0.5, random.choice(("：", ":", " ", "", "是"))
    gap = (
        random.choice(("，", " ", "\n", "  ", ", ", "、", "/", "；", ""))
        if not labelled
        else random.choice(("，", " ", "\n", ","))
    )
    made = Line("", ())
    for kind, labels in wanted:
        label = (
            random.choice(labels.split()) + colon if labelled or kind in (PersonalKind.WECHAT, PersonalKind.QQ) else ""
        )
        detail = _fresh(kind, random)
        start = len(made.text) + len(gap if made.text else "") + len(label)
        text = f"{made.text}{gap if made.text else ''}{label}{detail}"
        made = Line(text, (*made.spans, PersonalSpan(start, len(text), kind)))
    tail = random.choice(
        ("", "", "", " 收", "，谢谢", " 麻烦尽快", "。", "，放门口", " 别送驿站", "，改这个", "，今天发吗")
    )
    return Line(made.text + tail, made.spans)


def lookalike(random: Random) -> Line:
    """A clean line about a star, a figure or the goods named after one; where the words leave no doubt, at times any
    name stands there."""
    sure = random.random() < 0.7
    text = random.choice(_LISTS["FRAMES" if sure else "FAMOUS_FRAMES"])
    while "{}" in text:
        invented_name = sure and random.random() < 0.3
        text = text.replace("{}", name("张三", random) if invented_name else random.choice(FAMOUS), 1)
    return Line(text, ())


def _fresh(kind: PersonalKind, random: Random) -> str:
    match kind:
        case PersonalKind.NAME:
            return name("张三", random)
        case PersonalKind.PHONE:
            digits = "1" + random.choice("3456789") + _digits(9, random)
            gap = random.choice(("", "", "", "", " ", "-"))
            return gap.join((digits[:3], digits[3:7], digits[7:]))
        case PersonalKind.ADDRESS:
            return invented(random)
        case PersonalKind.WECHAT:
            return _wechat("", random)
        case _:
            return random.choice("123456789") + _digits(random.randint(6, 9), random)


def _renumbered(text: str, random: Random) -> str:
    """Other digits for those of order numbers and the like; short ones, which people know by heart, stay."""
    return re.sub(r"\d{7,}", lambda match: match.group()[:2] + _digits(len(match.group()) - 2, random), text)


def _digits(count: int, random: Random) -> str:
    return "".join(random.choices("0123456789", k=count))


def name(detail: str, random: Random) -> str:
    """An invented name of the same script and manner."""
    if "·" in detail:
        return "·".join(random.sample(_LISTS["DOTTED"], 2))
    if detail.isascii():
        return _latin(detail, random)
    if not re.fullmatch(r"[\u4e00-\u9fff]{2,4}", detail):
        return detail
    if random.random() < 0.03:
        return "".join(random.sample(_LISTS["UNDOTTED"], 2))
    pool = random.choices((_COMMON, SURNAMES, RARE_SURNAMES), weights=(5, 3, 2))[0]
    surname = random.choice(DOUBLE_SURNAMES.split("|")) if random.random() < 0.05 else random.choice(pool)
    given = random.choice(GIVEN) + (random.choice(GIVEN) if random.random() < 0.65 else "")
    if len(given) == 1 and random.random() < 0.05:
        given *= 2
    return surname + given


def _latin(detail: str, random: Random) -> str:
    """`Anna Zhou`, `ZHOU YUTONG`: the first in capitals and small letters, the second as passports have it."""
    if detail.isupper():
        syllables = _LISTS["SYLLABLES"]
        return " ".join((random.choice(_LISTS["PINYIN"]), random.choice(syllables) + random.choice(syllables))).upper()
    first = random.choice(_LISTS["FIRST"])
    last = random.choice([*_LISTS["LAST"], *_LISTS["PINYIN"]])
    return f"{first} {last}" if " " in detail else first


def _wechat(detail: str, random: Random) -> str:
    if detail.startswith("wxid_"):
        return "wxid_" + "".join(random.choices(_LETTERS + "0123456789", k=random.randint(8, 14)))
    form = random.random()
    if form < 0.4:
        made = (
            random.choice(_LISTS["HEADS"])
            + random.choice(("", "_", "-", ""))
            + random.choice(_LISTS["TAILS"])
            + _digits(random.choice((0, 2, 4)), random)
        )
    elif form < 0.75:
        made = "".join(random.choices(_LETTERS, k=random.randint(2, 5))) + _digits(random.randint(3, 8), random)
    else:
        made = random.choice("vwx" + _LETTERS) + "".join(
            random.choices(_LETTERS + "0123456789", k=random.randint(6, 10))
        )
    made = made[:1].upper() + made[1:] if random.random() < 0.12 else made
    return made if len(made) >= 6 else made + _digits(6 - len(made), random)


def _email(detail: str, random: Random) -> str:
    if "@" not in detail:
        return detail
    front = "".join(random.choices(_LETTERS, k=random.randint(3, 8))) + _digits(random.choice((0, 2, 3, 4)), random)
    return front + detail[detail.index("@") :]


def _scrambled(keep: int) -> Callable[[str, Random], str]:
    """Other digits behind the first `keep` characters that are digits; what stands between them stays."""

    def swap(detail: str, random: Random) -> str:
        seen = 0
        made: list[str] = []
        for char in detail:
            seen += char.isascii() and char.isdigit()
            fresh = char.isascii() and char.isdigit() and seen > keep
            made.append(random.choice("0123456789") if fresh else char)
        return "".join(made)

    return swap


def _address(detail: str, random: Random) -> str:
    if random.random() < 0.5:
        return invented(random)
    return _HOUSE.sub(lambda match: str(random.randint(1, 9)) + _digits(len(match.group()) - 1, random), detail)


_SWAPS: dict[PersonalKind, Callable[[str, Random], str]] = {
    PersonalKind.NAME: name,
    PersonalKind.WECHAT: _wechat,
    PersonalKind.EMAIL: _email,
    PersonalKind.ADDRESS: _address,
    PersonalKind.PHONE: _scrambled(3),
    PersonalKind.QQ: _scrambled(1),
    PersonalKind.IDCARD: _scrambled(14),
    PersonalKind.BANKCARD: _scrambled(6),
    PersonalKind.PLATE: _scrambled(0),
}
