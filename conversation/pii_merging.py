"""One policy for what the rules and the trained tagger say of the same text. Used by redaction.

First what rules find by form and check digit. Then what the tagger says where nothing is taken, if it has the form of
such a detail. Last what rules guess of names and the like where nothing is taken: behind what the tagger reads they
stand alone, and a detail that only one of the two sees is still blanked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from conversation.personal_spans import PersonalKind, PersonalSpan, Place
from conversation.pii_addresses import NAMED_REGIONS
from conversation.pii_names import DOUBLE_SURNAMES, NOBODY, SURNAMES

#: What rules find by form and check digit; the rest they guess.
CERTAIN = frozenset(PersonalKind) - {PersonalKind.NAME, PersonalKind.ADDRESS, PersonalKind.WECHAT, PersonalKind.QQ}

_NAME_FORM = re.compile(
    r"[\u3400-\u9fff]{2,4}|[\u3400-\u9fff]{1,8}(?:[·•・.][\u3400-\u9fff]{1,8}){1,3}|[A-Za-z][A-Za-z.\s]{1,30}"
)
#: Digits as they are said or spelt.
_SPELT = str.maketrans("零〇一幺壹二两贰三叁四肆五伍六陆七柒八捌九玖", "0011122233445566778899")
_DIALLED = re.compile(r"(?:(?:00)?86)?1[3-9]\d{9}|(?:(?:00)?86)?0\d{9,15}|[2-8]\d{6,7}|00\d{8,15}")
_BARE_REGION = re.compile(r"(?:[^\W\d_]{2,4}[省市区县州]\s?){1,3}")
#: Places that everybody has, and seats.
_ANY_PLACE = re.compile(
    r"(?:小区|门口|楼下|楼上|单元|驿站|前台|门卫|大门|电梯|大厅|停车场|酒店|医院|学校|公司|广场|大学|[负一二三四五六\d]+楼)+"
)
_SEAT = re.compile(r"\d排\d+座")
_PLACE_SIGN = re.compile(
    r"[号栋幢座楼层室户单弄巷路街道村组屯镇乡苑园城府湾庭轩阁居里区店院桥门站口厦场校宿厂司寺岛库]|中心|大学|学院|公馆|公寓|广场|小区|酒店|驿站"
)
_ROOM = re.compile(r"[A-Za-z]?\d{1,3}[-#]\d{1,3}(?:-\d{2,4})?")
_LED_IN = re.compile(
    r"(?:家住|住在|送到|送至|放在|放到|寄到|寄往|寄去|楼上|楼下|隔壁|地址|我家|我在|[住送放寄到在去](?!宾)|来(?!宾|凤|安))?[：:\s]{0,2}"
)
_REGION_BEFORE = re.compile(rf"(?:(?:{'|'.join(NAMED_REGIONS.split())})[省市]?\s?){{1,2}}\Z")
_AT_THE_DOOR = re.compile(r"(?<=[\d室户])门口\Z")
_UNIT_BEHIND = frozenset("园室号楼栋座户苑")
_DOT = re.compile("[·•・]")
_NO_KIN_LINK = frozenset("的他她我你他们您是和跟与爸妈爷奶外")
_NO_NAME_END = frozenset("用的说在是要没和跟也都就还给到被让把这那")
_RUNS = frozenset({PersonalKind.WECHAT, PersonalKind.QQ})
_RUN_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_EDGES = " \t\r\n，,。；;：:、！!？?（）()【】[]"


def _digits(text: str) -> str:
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", text.translate(_SPELT)))


def _is_address(text: str) -> bool:
    """Not a bare region, and with a word or a unit that places have, so no date and no price."""
    if _BARE_REGION.fullmatch(text) or _ANY_PLACE.fullmatch(text) or _SEAT.search(text):
        return False
    return len(text) >= 4 and (_PLACE_SIGN.search(text) is not None or _ROOM.fullmatch(text) is not None)


#: The form that a tagged detail must have; the kinds that are missing here are the rules' alone.
_FORMS: dict[PersonalKind, Callable[[str], bool]] = {
    PersonalKind.NAME: lambda text: _NAME_FORM.fullmatch(text) is not None,
    PersonalKind.ADDRESS: _is_address,
    PersonalKind.WECHAT: lambda text: re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{4,19}", text) is not None,
    PersonalKind.QQ: lambda text: re.fullmatch(r"[1-9](?:[ ]?\d){4,10}", text) is not None,
    PersonalKind.PHONE: lambda text: _DIALLED.fullmatch(_digits(text)) is not None,
}
#: What must stand near a tagged online name, and what makes it the name of something else.
_NEAR = {
    PersonalKind.WECHAT: re.compile(r"微|薇|威|徽|维|卫星|嶶|绿|➕|加|wx|we|(?<![a-z])[vwｖ]|❤|好友", re.IGNORECASE),
    PersonalKind.QQ: re.compile(r"[qｑ]|扣|抠|球|企鹅", re.IGNORECASE),
}
_ELSEWHERE = re.compile(
    r"抖音|快手|微博|公众号|小红书|b站|淘宝|旺旺|游戏|用户名|账号|密码|会议|入会|id不|openid|unionid|appid|wifi|提示|error|群号",
    re.IGNORECASE,
)
#: What stands behind the name of a shop, a firm, a street or a figure.
_NO_PERSON = re.compile(
    r"店|路|街|广场|公司|科技|集团|有限|牌|同?款|皮肤|手办|演唱会|专辑|的歌|电影|姐|品牌|旗舰|专卖|大药房|汽车|手机|小区|花园"
)
#: A surname with a bare title (徐工, 陈总), or what announces a person but is none (房东, 顾客).
_TITLED_ONLY = re.compile(rf"(?:{DOUBLE_SURNAMES}|[\u4e00-\u9fff])[工总董局处姨婶嫂哥姐叔爷导太]")
_FIRM = re.compile(r"[\u4e00-\u9fff]{1,10}(?:公司|集团|事务所|商行|经营部|合作社)")
#: Kin behind a name, without 的 between them (何嘉懿爸爸).
_KIN = re.compile(r"(?:爸爸|妈妈|爷爷|奶奶|外公|外婆|姥姥|家长|同学)")
_DOUBLE = frozenset(DOUBLE_SURNAMES.split("|"))
_BEFORE, _BEHIND = 14, 10


def _stands_well(text: str, place: Place, kind: PersonalKind) -> bool:
    if kind is PersonalKind.NAME:
        return _may_be_person(text, *place)
    near = _NEAR.get(kind)
    if near is None:
        return True
    before, behind = text[max(0, place[0] - _BEFORE) : place[0]], text[place[1] : place[1] + _BEHIND]
    return (near.search(before) or near.search(behind)) is not None and _ELSEWHERE.search(before) is None


def _may_be_person(text: str, start: int, end: int) -> bool:
    if _NO_PERSON.match(text, end) or _FIRM.match(text, end):
        return False
    name = text[start:end]
    return name not in _DOUBLE and not _TITLED_ONLY.fullmatch(name) and not NOBODY.fullmatch(name)


def merged(
    text: str, ruled: Sequence[PersonalSpan], tagged: Sequence[PersonalSpan], urls: Sequence[Place]
) -> list[PersonalSpan]:
    """The details of `text`, in order and without overlap."""
    taken = bytearray(len(text))
    spans: list[PersonalSpan] = []

    def take(span: PersonalSpan) -> None:
        spans.append(span)
        taken[span.start : span.end] = b"\x01" * (span.end - span.start)

    for start, end in urls:
        taken[start:end] = b"\x01" * (end - start)
    for span in ruled:
        if span.kind in CERTAIN:
            take(span)
    for span in tagged:
        for place in _shaped(text, taken, span):
            take(PersonalSpan(*place, span.kind))
    for span in ruled:
        if taken.find(1, span.start, span.end) < 0:
            take(span)
    return sorted(spans, key=lambda span: span.start)


def _shaped(text: str, taken: bytearray, span: PersonalSpan) -> list[Place]:
    """What is left of the tagger's span after what is taken, if it has the form of such a detail."""
    form = _FORMS.get(span.kind)
    if form is None:
        return []
    places: list[Place] = []
    for free in _free(taken, span):
        start, end = _trimmed(text, *free)
        start, end = _mended(text, start, end, span.kind)
        if form(text[start:end]) and taken.find(1, start, end) < 0 and _stands_well(text, (start, end), span.kind):
            places.append((start, end))
    return places


def _free(taken: bytearray, span: PersonalSpan) -> Iterator[Place]:
    """The parts of `span` that nothing has taken; a number with a taken part is whole no longer and gives none."""
    if taken.find(1, span.start, span.end) < 0:
        yield span.start, span.end
    elif span.kind in (PersonalKind.NAME, PersonalKind.ADDRESS):
        at = span.start
        while at < span.end:
            end = taken.find(1, at, span.end)
            end = span.end if end < 0 else end
            if end > at:
                yield at, end
            at = taken.find(0, end, span.end)
            at = span.end if at < 0 else at


def _mended(text: str, start: int, end: int, kind: PersonalKind) -> Place:
    """The borders put right where the tagger is known to be a character or two off."""
    if kind in _RUNS:
        return _whole_run(text, start, end)
    if kind is PersonalKind.NAME:
        return _mended_name(text, start, end)
    if kind is PersonalKind.ADDRESS:
        led_in = _LED_IN.match(text, start, end)
        start = led_in.end() if led_in else start
        end -= 2 * (_AT_THE_DOOR.search(text, start, end) is not None)
        region = _REGION_BEFORE.search(text, max(0, start - 12), start)
        return region.start() if region else start, end + (text[end : end + 1] in _UNIT_BEHIND)
    return start, end


def _mended_name(text: str, start: int, end: int) -> Place:
    if _DOT.search(text, start, end):
        return start, end
    while end - start > 2 and text[end - 1] in _NO_NAME_END:
        end -= 1
    if end - start == 2:
        behind = text[end : end + 1]
        # 金多|多, 何嘉|懿爸爸: the third character is the name's.
        twice = behind == text[end - 1] and text[start] in SURNAMES
        end += twice or (
            "\u4e00" <= behind <= "\u9fff" and behind not in _NO_KIN_LINK and bool(_KIN.match(text, end + 1))
        )
    leads = end - start > 2 and text[start + 1] in SURNAMES
    return start + (leads and (text[start] in "给帮找叫跟致赠" or (text[start] == "祝" and end - start > 3))), end


def _whole_run(text: str, start: int, end: int) -> Place:
    """No part of a run of Latin letters and digits is a name of its own."""
    while start > 0 and text[start - 1] in _RUN_CHARS:
        start -= 1
    while end < len(text) and text[end] in _RUN_CHARS:
        end += 1
    return start, end


def _trimmed(text: str, start: int, end: int) -> Place:
    while start < end and text[start] in _EDGES:
        start += 1
    while end > start and text[end - 1] in _EDGES:
        end -= 1
    return start, end
