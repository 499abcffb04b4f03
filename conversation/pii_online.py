"""Names people have online: e-mail, WeChat, QQ; and web addresses, whose digits are nobody's. Used by redaction."""

from __future__ import annotations

import re
from collections.abc import Iterator

Place = tuple[int, int]

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,63})\s?@\s?"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63}){1,5}(?![A-Za-z0-9])"
)
_URL = re.compile(r"(?:https?://|www\.)[^\s，。；！？、）)】》\"'<>\u4e00-\u9fff]{1,2000}", re.IGNORECASE)
_WECHAT_WORD = (
    r"(?:微信|薇信|威信|微❤|绿泡泡|v信|wechat|weixin|(?<![a-z])(?:vx|wx)(?![a-z])"
    r"|(?:[加+]我?|我的?)\s?[vw]|(?<![a-z/.])[vw](?=[:：]))"
)
_WECHAT = re.compile(
    rf"{_WECHAT_WORD}(?:号码?|id|账号|帐号)?[\s:：=]{{0,3}}(?:是|为|就是|叫)?[\s:：=]{{0,3}}"
    r"(?P<name>[A-Za-z][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_@-])",
    re.IGNORECASE,
)
_WECHAT_AFTER = re.compile(
    r"(?<![A-Za-z0-9_@.-])(?P<name>[A-Za-z][A-Za-z0-9_-]{5,19})[\s，,（(]{0,2}(?:是|这是)?(?:我的?)?微信号?"
    r"(?!支付|公众号|小程序|版本|群|登)"
)
_WECHAT_RAW = re.compile(r"(?<![A-Za-z0-9_])(?P<name>wxid_[A-Za-z0-9]{6,30})(?![A-Za-z0-9_])")
#: Words that follow "微信" and are things, not people.
_NOT_A_NAME = re.compile(
    r"(?:iphone|ipad|android|huawei|xiaomi|redmi|oppo|vivo|honor|samsung|windows|version|error|https?|pay|work|wechat|weixin"
    r"|enterprise|program|server|client|openid|unionid|appid|userid|webview|harmony)[a-z0-9_-]*$",
    re.IGNORECASE,
)
_QQ = re.compile(
    r"(?:qq(?!群)|扣扣(?!群)|企鹅号)(?:号码?|账号|帐号)?[\s:：=]{0,3}(?:是|为|就是)?[\s:：=]{0,3}(?P<name>[1-9]\d{4,10})(?![\d@])",
    re.IGNORECASE,
)


def find_emails(text: str) -> Iterator[Place]:
    """E-mail addresses; a blank around the @ is forgiven."""
    for match in _EMAIL.finditer(text):
        if not match.group().rsplit(".", 1)[-1].isdigit():
            yield match.span()


def find_urls(text: str) -> tuple[Place, ...]:
    """Addresses of web pages."""
    return tuple(match.span() for match in _URL.finditer(text))


def find_wechat(text: str) -> Iterator[Place]:
    """WeChat names (a letter, then 5–19 letters, digits, _ or -) that are called so; raw `wxid_…` anywhere."""
    for pattern in (_WECHAT, _WECHAT_AFTER, _WECHAT_RAW):
        for match in pattern.finditer(text):
            if not _NOT_A_NAME.match(match["name"]):
                yield match.span("name")


def find_qq(text: str) -> Iterator[Place]:
    """QQ numbers (5–11 digits) that are called so; numbers of groups are nobody's."""
    yield from (match.span("name") for match in _QQ.finditer(text))
