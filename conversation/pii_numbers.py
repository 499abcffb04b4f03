"""Numbers that name a person: phones, identity cards, bank cards, number plates; told from order numbers by form,
check digit and the word in front of them. Used by redaction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum

from conversation.pii_windows import widened, within

Place = tuple[int, int]


class Label(Enum):
    """What the words in front of a number say that it is."""

    NONE = 0
    THING = 1
    PHONE = 2
    CARD = 3
    IDENTITY = 4


_THING = (
    r"订单|单号|运单|快递|物流|流水号?|交易号|编号|编码|序列号|机身号|串号|兑换码|验证码|校验码|券码|会员(?:卡|号)|积分卡"
    r"|礼品卡|购物卡|储值卡|卡密|工单|案件号|批次|批号|货号|款号|型号|条码|条形码|版本|取件码|提货码|发票(?:号|代码)|税号"
    r"|信用代码|房间号|桌号|商品\s?id|用户\s?id|\b(?:id|uid|sn|imei|iccid|order|order\s?(?:no|number)|tracking)\b"
)
_PHONE = (
    r"手机号?|电话|联系方式|号码|座机|固话|致电|拨打|回电|回拨|来电|热线|传真|微信号?"
    r"|\b(?:tel|phone|mobile|call|fax|vx|wx)\b"
)
_CARD = r"银行卡|信用卡|储蓄卡|借记卡|工资卡|银联|(?<!会员)(?<!礼品)卡号|这张卡|(?:打|退|转)到.{0,2}卡"
_IDENTITY = r"身份证|证件号?|身份号码|\bid\s?card\b"
#: Words between a label and its number: `订单号是：`, `手机号码 `; never another number or a new clause.
_LINK = r"(?=[^\d，。；;!！?？\n]{0,8}$)"
_LABELS: tuple[tuple[Label, re.Pattern[str]], ...] = tuple(
    (label, re.compile(rf"(?:{words}){_LINK}", re.IGNORECASE))
    for label, words in (
        (Label.THING, _THING),
        (Label.PHONE, _PHONE),
        (Label.CARD, _CARD),
        (Label.IDENTITY, _IDENTITY),
    )
)
#: Up to the last mark that no label and no word between a label and its number holds.
_LAST_STOP = re.compile(r".*[\d，。；;!！?？\n]", re.DOTALL)
_THING_AFTER = re.compile(r"\s{0,2}[（(]?(?:这个|这单|是我的)?(?:订单号|单号|运单|快递单|订单编号)")


def label_of(text: str, start: int, end: int) -> Label:
    """What the number at `start`…`end` is called; the word nearest in front of it wins."""
    first = max(0, start - 16)
    stop = _LAST_STOP.match(text, first, start)
    first = stop.end() if stop else first
    found, nearest = Label.NONE, -1
    for label, pattern in _LABELS if start - first > 1 else ():
        for match in pattern.finditer(text, first, start):
            if match.end() > nearest:
                found, nearest = label, match.end()
    if found is Label.NONE and _THING_AFTER.match(text, end):
        return Label.THING
    return found


_MOBILE = re.compile(
    r"(?<![\d.+])(?:(?:\+|00)?86[-\s]{0,2}|\(\+?86\)\s?)?1(?:[-\s]?[3-9](?:[-\s]?\d){9}|[3-9]\d\.\d{4}\.\d{4})(?!\d|\.\d|\s?元)",
)
_AREA = r"(?:10|2[0-57-9]|[3-9]\d{2})"
_LANDLINE = re.compile(
    rf"(?<![\d.-])(?:(?:\+|00)86[-\s]?)?(?:\(0{_AREA}\)\s?|(?:0{_AREA}|(?<=86[-\s]){_AREA}|(?<=86){_AREA})[-\s]?)"
    r"[2-8]\d{2,3}[-\s]?\d{4}(?:(?:-|\s?转\s?|\s?ext\.?\s?)\d{1,6})?(?!\d)"
)
_SHORT_LANDLINE = re.compile(r"(?<![\d.-])[2-8]\d{2,3}[-\s]?\d{4}(?:-\d{1,6})?(?!\d)")
_ABROAD = re.compile(r"(?<!\d)\+(?!86)[1-9]\d{0,2}(?:[-\s]?\d){7,12}(?!\d)")
_SAID = "零〇一幺二两三四五六七八九壹贰叁肆伍陆柒捌玖"
#: Spoken or spelt, in whole or in part (一三八…, 138七一…), and any mobile broken up by odd marks (1。3。8…).
_SPOKEN = re.compile(
    rf"(?<![\d.+{_SAID}])[1一幺壹](?:[-\s。·*/、]{{0,2}}[3-9三四五六七八九叁肆伍陆柒捌玖])(?:[-\s。·*/、]{{0,2}}[\d{_SAID}]){{9}}"
    rf"(?![\d{_SAID}十百千万]|\.\d|\s?元)"
)
_LETTERS = re.compile(r"[A-Za-z]+$")
_PHONE_LETTERS = frozenset(
    ["tel", "phone", "mobile", "call", "cell", "fax", "ph", "vx", "wx", "v", "wechat", "weixin", "qq", "dh", "sj"]
)


#: Seven digits or more, written or said, that marks may part: every number that is looked for holds such a chain.
_CHAIN = re.compile(rf"[\d{_SAID}](?:[-\s.。·*/、()]{{0,2}}[\d{_SAID}]){{6,}}")
_BEFORE, _BEHIND = 8, 16


def number_chains(text: str) -> list[Place]:
    """Where in `text` phones, identity cards and bank cards may stand: chains of digits, by one scan for all."""
    return [match.span() for match in _CHAIN.finditer(text)]


def _around(text: str, chains: Sequence[Place] | None, least: int) -> list[Place]:
    """The windows around chains of so many characters at least; `chains` are those of the text, if they are known."""
    found = number_chains(text) if chains is None else chains
    return widened([chain for chain in found if chain[1] - chain[0] >= least], _BEFORE, _BEHIND)


def find_phones(text: str, chains: Sequence[Place] | None = None) -> Iterator[Place]:
    """Mobiles (spaced, hyphenated, +86, spoken digits), landlines and numbers abroad. Hotlines are none."""
    long = _around(text, chains, 10)
    abroad = _around(text, chains, 8) if "+" in text else []
    for pattern, places in ((_MOBILE, long), (_LANDLINE, long), (_ABROAD, abroad), (_SPOKEN, long)):
        for match in within(pattern, text, places):
            if _may_be_phone(text, match.start(), match.end()):
                yield match.span()
    for match in within(_SHORT_LANDLINE, text, _around(text, chains, 7)):
        if label_of(text, *match.span()) is Label.PHONE and not match.group().startswith(("400", "800")):
            yield match.span()


def _may_be_phone(text: str, start: int, end: int) -> bool:
    letters = _LETTERS.search(text, max(0, start - 12), start)
    if letters and letters.group().lower() not in _PHONE_LETTERS:
        return False
    followed_by_letter = text[end : end + 1].isascii() and text[end : end + 1].isalpha()
    return not followed_by_letter and label_of(text, start, end) is not Label.THING


_PROVINCES = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91"
_MONTH_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_IDENTITY_18 = re.compile(
    rf"(?<![\dA-Za-z])(?:{_PROVINCES})\d{{4}}[-\s]?(?:18|19|20)\d{{2}}[-\s]?{_MONTH_DAY}[-\s]?"
    r"\d{3}[\dXx×](?![\dA-Za-z])"
)
#: Blanks in other places than the parts of the number.
_IDENTITY_BROKEN = re.compile(rf"(?<![\dA-Za-z])(?:{_PROVINCES})(?:[-\s]?\d){{15}}[-\s]?[\dXx×](?![\dA-Za-z])")
_IDENTITY_15 = re.compile(rf"(?<![\dA-Za-z])(?:{_PROVINCES})\d{{4}}\d{{2}}{_MONTH_DAY}\d{{3}}(?![\dA-Za-z])")
_IDENTITY_TYPO = re.compile(r"(?<![\dA-Za-z])\d{17}[\dXx](?![\dA-Za-z])")
#: GB 11643-1999: weights of the first 17 digits and the check characters for the sum modulo 11.
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


def find_identity_cards(text: str, chains: Sequence[Place] | None = None) -> Iterator[Place]:
    """Identity numbers of 18 digits with a right check digit, or called so; and old ones of 15."""
    places = _around(text, chains, 15)
    for match in within(_IDENTITY_18, text, places):
        if _identity_check(match.group()) or label_of(text, *match.span()) is Label.IDENTITY:
            yield match.span()
    for match in within(_IDENTITY_BROKEN, text, places):
        if not match.group().isalnum() and _identity_check(match.group()) and _born(match.group()):
            yield match.span()
    for match in within(_IDENTITY_TYPO, text, places):
        if label_of(text, *match.span()) is Label.IDENTITY:
            yield match.span()
    for match in within(_IDENTITY_15, text, places):
        if label_of(text, *match.span()) in (Label.NONE, Label.IDENTITY):
            yield match.span()


def _born(number: str) -> bool:
    """Whether the middle of the number is a date of the last two centuries."""
    return re.fullmatch(rf"(?:18|19|20)\d{{2}}{_MONTH_DAY}", re.sub(r"[-\s]", "", number)[6:14]) is not None


def _identity_check(number: str) -> bool:
    digits = re.sub(r"[-\s]", "", number).upper().replace("×", "X")
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=False))
    return digits[17] == _CHECKS[total % 11]


_CARD_NUMBER = re.compile(
    r"(?<![\dA-Za-z.])(?:\d{13,19}|\d{4}([-\s])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,4}){0,2}|\d{6}[-\s]\d{10,13})"
    r"(?![\dA-Za-z])"
)


def find_cards(text: str, chains: Sequence[Place] | None = None) -> Iterator[Place]:
    """Bank cards: 13–19 digits that pass Luhn and begin as issuers' numbers do, or that are called so."""
    for match in within(_CARD_NUMBER, text, _around(text, chains, 13)):
        digits = re.sub(r"\D", "", match.group())
        label = label_of(text, *match.span())
        if label in (Label.THING, Label.PHONE) or not 13 <= len(digits) <= 19:
            continue
        if label is Label.CARD or (luhn(digits) and _issued(digits)):
            yield match.span()


def _issued(digits: str) -> bool:
    """By ISO/IEC 7812 prefix and length: UnionPay and Discover 6, Visa 4, Mastercard 5 and 22–27, Amex, JCB."""
    if digits[0] == "6" or digits.startswith("9558"):
        return len(digits) >= 16
    if len(digits) == 15:
        return digits[:2] in ("34", "37")
    return len(digits) == 16 and (digits[0] in "45" or digits[:2] in ("35", "22", "23", "24", "25", "26", "27"))


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


_PROVINCE_CHARS = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE_CHAR = "[A-HJ-NP-Za-hj-np-z0-9]"
_PLATE = re.compile(
    rf"[{_PROVINCE_CHARS}]\s?(?!\d){_PLATE_CHAR}[·•・.\-\s]?(?=[A-Za-z]*\d)"
    rf"(?:{_PLATE_CHAR}{{6}}|{_PLATE_CHAR}{{5}}|{_PLATE_CHAR}{{4}}[挂学警港澳使领])"
    r"(?![A-Za-z0-9](?!tc|TC))"
)
_ARMED_POLICE = re.compile(
    r"(?<![A-Za-z])WJ\s?[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]?[·•]?\d{4}[0-9A-Z](?![A-Za-z0-9])"
)


def find_plates(text: str) -> Iterator[Place]:
    """Number plates, six characters after the letter for new-energy cars (GA 36-2018), five otherwise."""
    yield from (match.span() for match in _PLATE.finditer(text))
    if "WJ" in text:
        yield from (match.span() for match in _ARMED_POLICE.finditer(text))
