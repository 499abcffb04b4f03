"""Reads the hard facts of a text: numbers with their units, links, addresses, names in Latin letters, days."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

LINK = re.compile(
    r"https?://[^\s，。；、）)】」』\"'<>]+|(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|cn|net|org|io|top|shop|vip|cc|info|app)\b(?:/[^\s，。；、）)】」』\"'<>]*)?",
    re.IGNORECASE,
)
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
NUMBER = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:[.:]\d+)*")
UNIT = re.compile(
    r"\s*个?\s*(工作日|自然日|天|日|小时|钟头|分钟|秒|周|星期|礼拜|月|季度|年|元|块|￥|%|折|倍|次|件|公斤|千克|克|公里|里|米|寸|岁|人|期|积分|分|万|亿|kg|km|cm|mm|mb|gb|tb|ml|w|v|h|g|m)(?![a-z])",
    re.IGNORECASE,
)
#: One name per unit, so that 7 日 and 7 天 are the same fact.
SAME_UNIT = {
    "日": "天",
    "星期": "周",
    "礼拜": "周",
    "块": "元",
    "￥": "元",
    "钟头": "小时",
    "h": "小时",
    "千克": "kg",
    "公斤": "kg",
}
CHINESE_NUMBER = re.compile(
    r"[零〇一二两三四五六七八九十百千万]+(?=\s*个?\s*(?:工作日|自然日|天|日|小时|分钟|周|星期|月|年|元|块|折|倍|件))"
)
DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
SCALES = {"十": 10, "百": 100, "千": 1000}
DAY_WORD = re.compile(
    r"今天|今日|明天|明日|后天|昨天|今晚|明早|本周|下周|本月|下个?月|月底|年底|凌晨|周[一二三四五六日末]|星期[一二三四五六日天]"
)
LIST_MARK = re.compile(r"(?m)^\s*(?:\d{1,2}[.、)）](?!\d)|[(（]\d{1,2}[)）])")
LATIN = re.compile(r"[A-Za-z][A-Za-z0-9+#]*(?:[-_.][A-Za-z0-9+#]+)*")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as written in digits, and what it counts (empty: nothing said)."""

    value: str
    unit: str = ""


def fold(text: str) -> str:
    """Full-width to half-width; currency signs one way."""
    return unicodedata.normalize("NFKC", text).replace("¥", "￥")


def links(text: str) -> set[str]:
    """Web addresses, without a closing full stop or slash, lower case."""
    return {link.rstrip("./,").lower() for link in LINK.findall(EMAIL.sub(" ", fold(text)))}


def emails(text: str) -> set[str]:
    """E-mail addresses, lower case."""
    return {email.lower() for email in EMAIL.findall(fold(text))}


def day_words(text: str) -> set[str]:
    """Words such as 明天 or 周三."""
    return set(DAY_WORD.findall(text))


def names(text: str) -> list[str]:
    """Words in Latin letters, as written, in order."""
    return LATIN.findall(LINK.sub(" ", EMAIL.sub(" ", fold(text))))


def figures(text: str) -> set[Figure]:
    """All numbers, 一千两百元 too. The marks of a numbered list are none, nor are numbers inside links."""
    bare = LIST_MARK.sub(" ", LINK.sub(" ", EMAIL.sub(" ", fold(text))))
    bare = CHINESE_NUMBER.sub(lambda match: _digits(match[0]), bare)
    found = set()
    for match in NUMBER.finditer(bare):
        unit = UNIT.match(bare, match.end())
        name = unit[1].lower() if unit else "元" if bare[: match.start()].rstrip().endswith("￥") else ""
        found.add(Figure(_value(match[0]), SAME_UNIT.get(name, name)))
    return found


def _value(written: str) -> str:
    value = written.replace(",", "")
    if value.count(".") == 1 and ":" not in value:
        value = value.rstrip("0").rstrip(".")
    return value.lstrip("0") or "0"


def _digits(chinese: str) -> str:
    """三十五 → 35, 一千两百 → 1200, 二〇二六 → 2026."""
    if not any(char in SCALES or char == "万" for char in chinese):
        return "".join(str(DIGITS[char]) for char in chinese)
    total = part = digit = 0
    for char in chinese:
        if char == "万":
            total, part, digit = (total + part + digit) * 10_000, 0, 0
        elif char in SCALES:
            part += (digit or 1) * SCALES[char]
            digit = 0
        else:
            digit = DIGITS[char]
    return str(total + part + digit)
