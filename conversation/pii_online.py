"""Names people have online: e-mail, WeChat, QQ; and web addresses, whose digits are nobody's. Used by redaction."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conversation.pii_windows import windows, within

Place = tuple[int, int]

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,63})\s?@\s?"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63}){1,5}(?![A-Za-z0-9])"
)
_AT = re.compile("@")
_URL = re.compile(r"(?:https?://|www\.)[^\s，。；！？、）)】》\"'<>\u4e00-\u9fff]{1,2000}", re.IGNORECASE)
_WECHAT_WORD = (
    r"(?:微信|薇信|威信|微❤|绿泡泡|v信|wechat|weixin|(?<![a-z])(?:vx|wx)(?![a-z])"
    r"|(?:[加+]我?|我的?)\s?[vw]|(?<![a-z/.])[vw](?=[:：]))"
)
_WECHAT = re.compile(
    rf"(?=[微薇威绿VvWw加+我]){_WECHAT_WORD}(?:号码?|id|账号|帐号)?[\s:：=]{{0,3}}(?:是|为|就是|叫)?[\s:：=]{{0,3}}"
    r"(?P<name>[A-Za-z][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_@-])",
    re.IGNORECASE,
)
_WECHAT_AFTER = re.compile(
    r"(?<![A-Za-z0-9_@.-])(?P<name>[A-Za-z][A-Za-z0-9_-]{5,19})[\s，,（(]{0,2}(?:是|这是)?(?:我的?)?微信号?"
    r"(?!支付|公众号|小程序|版本|群|登)"
)
#: A name some words behind the WeChat word; it must look like one, with a digit or a stroke beside its letters.
_WECHAT_NEAR = re.compile(
    r"(?=[微薇威VvWw好进加])(?:微信|薇信|威信|v信|wechat|weixin|(?<![a-z])(?:vx|wx)(?![a-z])|好友|进群|加我)[^A-Za-z0-9\n，。]{0,9}[，,]?\s?(?:id)?[^A-Za-z0-9\n]{0,4}"
    r"(?P<name>[A-Za-z](?=[A-Za-z_-]*[\d_-])[A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_@.-])",
    re.IGNORECASE,
)
_WECHAT_RAW = re.compile(r"(?<![A-Za-z0-9_])(?P<name>wxid_[A-Za-z0-9]{6,30})(?![A-Za-z0-9_])")
#: Words that follow "微信" and are things, not people.
_NOT_A_NAME = re.compile(
    r"(?:iphone|ipad|android|huawei|xiaomi|redmi|oppo|vivo|honor|samsung|windows|version|error|https?|pay|work|wechat|weixin"
    r"|enterprise|program|server|client|openid|unionid|appid|userid|webview|harmony)[a-z0-9_-]*$",
    re.IGNORECASE,
)
_QQ = re.compile(
    r"(?=[Qq扣抠企加我发])(?:qq(?!群)|扣扣(?!群)|抠抠|企鹅号?|(?:加|我|发)\s?q|(?<![a-z])q(?=号?\s?[:：]))(?:号码?|账号|帐号)?[\s:：=]{0,3}"
    r"(?:是|为|就是)?[\s:：=]{0,3}(?P<name>[1-9]\d{4,10})(?![\d@])",
    re.IGNORECASE,
)


#: A name of six characters or more; every name on WeChat holds such a run.
_RUN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{5,}")
_FIVE_DIGITS = re.compile(r"[1-9]\d{4,}")


def find_emails(text: str) -> Iterator[Place]:
    """E-mail addresses; a blank around the @ is forgiven."""
    if "@" not in text:
        return
    for match in within(_EMAIL, text, windows(_AT, text, 68, 400)):
        if not match.group().rsplit(".", 1)[-1].isdigit():
            yield match.span()


def find_urls(text: str) -> tuple[Place, ...]:
    """Addresses of web pages."""
    return tuple(match.span() for match in _URL.finditer(text))


def find_wechat(text: str) -> Iterator[Place]:
    """WeChat names (a letter, then 5–19 letters, digits, _ or -) that are called so; raw `wxid_…` anywhere."""
    places = windows(_RUN, text, 40, 20)
    for pattern in (_WECHAT, _WECHAT_NEAR, _WECHAT_AFTER, _WECHAT_RAW):
        for match in within(pattern, text, places):
            if not _NOT_A_NAME.match(match["name"]):
                yield match.span("name")


def find_qq(text: str) -> Iterator[Place]:
    """QQ numbers (5–11 digits) that are called so; numbers of groups are nobody's."""
    yield from (match.span("name") for match in within(_QQ, text, windows(_FIVE_DIGITS, text, 24, 2)))
