"""Whether a customer seems to be in the middle of a thought, and until when a reply waits for the rest. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conversation.messages import ContentKind, IncomingMessage

#: Ends that announce more words.
OPEN_ENDS = ("：", ":", "，", ",", "、", "；", ";", "——", "（", "(", "…", "...")
#: Words before which nobody stops.
OPEN_WORDS = re.compile(
    r"(?:因为|但是|可是|然后|而且|还有|就是|如果|比如|或者|以及|关于|and|but|because|the|my)$", re.I
)
GREETING = re.compile(
    r"(?:您好|你好|哈喽|嗨|在吗|在么|在不在|有人吗|有人在吗|亲|客服|小二|老板|早上好|上午好|下午好|晚上好|hi|hello|hey)"
    r"(?:呀|啊|哦|吗|的)?",
    re.I,
)
GREETING_NOISE = re.compile(r"[\s，,。.!！~～、?？]+")
#: A short line is no fragment when it is a whole thing to say: a question, an answer, thanks, a number, a wish.
WHOLE = re.compile(
    r"[?？!！。.]$|\d|[吗呢么]$|多少|几|怎|什么|哪|谁|啥|咋|何时|为何"
    r"|^(?:好|行|可以|不|是|对|嗯|谢|没|要|有|转|人工|再见|拜|退|换|查|催|改|取消|投诉|开发票|ok|yes|no)",
    re.I,
)
FRAGMENT_LENGTH = 3
PICTURES = (ContentKind.IMAGE, ContentKind.VIDEO, ContentKind.FILE)


def looks_unfinished(message: IncomingMessage) -> bool:
    """True for a fragment, a bare greeting, an end that announces more, or a picture without a word."""
    text = message.text.strip()
    if not text:
        return message.kind in PICTURES or bool(message.attachments)
    if text.endswith(OPEN_ENDS) or OPEN_WORDS.search(text):
        return True
    if _is_greeting(text):
        return True
    return len(text) <= FRAGMENT_LENGTH and not WHOLE.search(text)


def _is_greeting(text: str) -> bool:
    parts = [part for part in GREETING_NOISE.split(text) if part]
    return bool(parts) and all(GREETING.fullmatch(part) for part in parts)


def hold_until(
    burst: Sequence[IncomingMessage], arrived_at: Sequence[float], *, quiet_s: float, cap_s: float
) -> float | None:
    """Until when (Unix seconds) the reply waits for more words; None when it may leave at once.

    `arrived_at` are the moments at which the messages of the burst came in.
    """
    if quiet_s <= 0 or not burst or not looks_unfinished(burst[-1]):
        return None
    return min(max(arrived_at) + quiet_s, min(arrived_at) + cap_s)
