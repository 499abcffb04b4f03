"""The facts a case hangs on, read from the customer's own lines: order and parcel numbers, money, dates, tier."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.figures import figures, fold
from agents.slots import find_slots
from conversation.turn import Line

DATE = re.compile(
    r"20\d\d[年./-]\d{1,2}[月./-]\d{1,2}[日号]?|\d{1,2}月\d{1,2}[日号]?|昨天|前天|上周[一二三四五六日]|上个月"
)
LASTING = re.compile(
    r"(?:已经?|都|等了?|过了?)?\s*(?:[\d一二两三四五六七八九十几半]+)\s*个?多?(?:小时|天|周|星期|月)(?:了|没|还没)?"
)
PRODUCT = re.compile(r"(?:型号|款式|颜色|尺码|版本)[是为:：\s]*([\w.+-]{1,16})")
MOST = 6


def facts_of(said: Sequence[Line], tier: str = "normal") -> tuple[str, ...]:
    """At most six facts, the handles first, each as staff would note it."""
    text = fold("\n".join(line.text for line in said))
    slots = find_slots(text)
    without_numbers = text
    for number in slots.orders + slots.trackings:
        without_numbers = without_numbers.replace(number, " ")
    facts = [f"{tier.upper()} 客户"] if tier not in ("", "normal") else []
    facts += [f"订单 {number}" for number in slots.orders]
    facts += [f"物流 {number}" for number in slots.trackings]
    facts += [
        f"金额 {figure.value} 元" for figure in sorted(figures(text), key=lambda f: f.value) if figure.unit == "元"
    ]
    facts += [f"日期 {match[0]}" for match in DATE.finditer(without_numbers)]
    facts += [match[0] for match in PRODUCT.finditer(text)]
    facts += [f"时长 {match[0].strip()}" for match in LASTING.finditer(without_numbers)]
    return tuple(dict.fromkeys(facts))[:MOST]
