"""Postal addresses: from the outermost region that is named to the last house or room number. Used by redaction.

An address is found from its inside: a house number (88号, 3栋, 501室) or a named building is looked for first, then the
chain of regions and streets in front of it is read as far back as it holds together.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

Place = tuple[int, int]

_PROVINCES = (
    "北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 "
    "贵州 云南 陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 香港 澳门"
)
_CITIES = (
    "石家庄 唐山 秦皇岛 邯郸 邢台 保定 张家口 承德 沧州 廊坊 衡水 太原 大同 长治 晋城 朔州 晋中 运城 忻州 临汾 "
    "吕梁 呼和浩特 包头 赤峰 通辽 鄂尔多斯 沈阳 大连 鞍山 抚顺 本溪 丹东 锦州 营口 阜新 辽阳 盘锦 铁岭 葫芦岛 "
    "长春 四平 通化 松原 白城 延边 哈尔滨 齐齐哈尔 大庆 佳木斯 牡丹江 绥化 南京 无锡 徐州 常州 苏州 南通 连云港 "
    "淮安 盐城 扬州 镇江 泰州 宿迁 昆山 江阴 张家港 常熟 杭州 宁波 温州 嘉兴 湖州 绍兴 金华 衢州 舟山 台州 丽水 "
    "义乌 慈溪 余姚 诸暨 合肥 芜湖 蚌埠 淮南 马鞍山 淮北 铜陵 安庆 黄山 滁州 阜阳 宿州 六安 亳州 池州 宣城 福州 "
    "厦门 莆田 三明 泉州 漳州 南平 龙岩 宁德 晋江 南昌 景德镇 萍乡 九江 新余 鹰潭 赣州 吉安 宜春 抚州 上饶 济南 "
    "青岛 淄博 枣庄 东营 烟台 潍坊 济宁 泰安 威海 日照 临沂 德州 聊城 滨州 菏泽 郑州 开封 洛阳 平顶山 安阳 鹤壁 "
    "新乡 焦作 濮阳 许昌 漯河 三门峡 南阳 商丘 信阳 周口 驻马店 武汉 黄石 十堰 宜昌 襄阳 鄂州 荆门 孝感 荆州 "
    "黄冈 咸宁 随州 恩施 长沙 株洲 湘潭 衡阳 邵阳 岳阳 常德 张家界 益阳 郴州 永州 怀化 娄底 广州 韶关 深圳 珠海 "
    "汕头 佛山 江门 湛江 茂名 肇庆 惠州 梅州 汕尾 河源 阳江 清远 东莞 中山 潮州 揭阳 云浮 南宁 柳州 桂林 梧州 "
    "北海 防城港 钦州 贵港 玉林 百色 贺州 河池 来宾 崇左 海口 三亚 成都 自贡 攀枝花 泸州 德阳 绵阳 广元 遂宁 "
    "内江 乐山 南充 眉山 宜宾 广安 达州 雅安 巴中 资阳 贵阳 六盘水 遵义 安顺 毕节 铜仁 昆明 曲靖 玉溪 保山 昭通 "
    "丽江 普洱 临沧 大理 红河 拉萨 日喀则 西安 铜川 宝鸡 咸阳 渭南 延安 汉中 榆林 安康 商洛 兰州 嘉峪关 金昌 "
    "白银 天水 武威 张掖 平凉 酒泉 庆阳 定西 西宁 银川 石嘴山 吴忠 固原 中卫 乌鲁木齐 克拉玛依 吐鲁番 哈密 喀什 "
    "浦东 朝阳 海淀"
)
#: The provinces and cities, split by blanks.
NAMED_REGIONS = f"{_PROVINCES} {_CITIES}"
_NAMED = "|".join(sorted(NAMED_REGIONS.split(), key=len, reverse=True))
#: A named region, unless it is the name of a street (中山路, 南京西路).
_REGION = (
    rf"(?:(?:{_NAMED})(?:特别行政区|(?:壮族|回族|维吾尔)?自治区|自治州|新区|[省市区县]"
    r"|(?![东南西北中]?[一二三四]?(?:路|街|大街|大道|道))))"
)
#: Characters of place names: not the pronouns, verbs and particles that stand in front of or after an address.
_CHAR = r"[^\W\d_A-Za-z我你您他她它的了是在给吗呢吧把请寄送住叫为麻烦谢想要会能]"
_WARD = rf"(?:{_CHAR}{{1,7}}?(?:自治县|街道办事处|街道|开发区|高新区|新区|地区|[区县旗市镇乡]))"
_STREET = rf"(?:{_CHAR}{{1,8}}?(?:大道|大街|胡同|公路|[路街道巷弄里线])(?:[东南西北中]段?|[一二三四五六七八九十]段)?)"
_PLACE_WORD = (
    r"小区|社区|花园|家园|公寓|大厦|广场|中心|公馆|庄园|山庄|新村|新城|名城|华府|学府|别墅|宿舍|大学|学院|中学|小学|医院|酒店|宾馆"
    r"|科技园|产业园|工业园|工业区|软件园|创业园|国际|银座|商城|大楼|写字楼|雅苑|佳苑|嘉园"
    r"|[苑园城府湾庭轩阁居邨村屯庄组寨]"
)
_BUILDING = (
    rf"(?:[A-Za-z]{{0,8}}{_CHAR}{{1,9}}?(?:{_PLACE_WORD})"
    r"(?:[东南西北]区|[一二三四五六七八九十]期|[A-Za-z\d]{1,2}区)?)"
)
_ORDINAL = r"(?:[A-Za-z]?\d{1,5}(?:[-—#]\d{1,4})?|[一二三四五六七八九十百]{1,4}|[A-Za-z甲乙丙丁])"
_NUMBERED = (
    rf"(?:(?:第)?{_ORDINAL}\s?(?:号院|号楼|号线|号铺|号|弄|栋|幢|座|单元|室|层|楼|房|户|门|组|队|期|区)"
    r"(?:院|[内旁]|[之-]\d{1,3}|[A-Za-z](?=座|栋))?)"
)
_TAIL = (
    rf"(?:\s?(?:{_NUMBERED}|[A-Za-z]?\d{{2,4}}(?:-\d{{2,4}}){{1,3}}"
    r"|[A-Za-z]?-?\d{3,4}(?!\d)(?=[\s，,。；;）)、]|$)))"
)
_CHAIN = re.compile(
    rf"(?P<regions>(?:{_REGION}\s?){{0,4}})(?P<wards>(?:{_WARD}\s?){{0,4}})(?P<streets>(?:{_STREET}\s?){{0,2}})"
    rf"(?P<middle>(?:{_NUMBERED}\s?){{0,2}})(?P<building>(?:{_BUILDING}\s?){{0,3}})(?P<tail>{_TAIL}{{0,6}})"
)
#: Where an address may begin: at a named region or after a word that announces one, else at the front of a clause.
_NAMED_START = re.compile(_REGION)
_TOLD_START = re.compile(
    r"(?:地址|住址|住在|家住|寄到|寄往|寄去|送到|送去|发到|发往|改成|改为|换成|位于|搬到|在|是|到)[\s：:]{0,2}"
)
_CLAUSE_START = re.compile(r"(?:^|[\s，,。；;：:！!？?、（(])")
_NUMBER_HINT = re.compile(r"(?:号|弄|栋|幢|座|单元|室|层|楼|房|户|组|大厦|小区|公寓|花园|大学|广场|园|苑|村)")
#: As far as an address may be read: none holds these marks, pronouns and verbs.
_REACH = re.compile(
    "[^我你您他她它的了是在给吗呢吧把请寄送住叫为麻烦谢想要会能"
    r"""，。！？；：、（）【】《》“”…,.!?;:()\[\]/"'~·@+*=&%$|<>]{4,}"""
)
#: Every address holds the number of a house or the word for a building …
_DOOR = re.compile(
    r"[\dA-Za-z一二三四五六七八九十百甲乙丙丁]\s?(?:号|弄|栋|幢|座|单元|室|层|楼|房|户|门|组|队|期|区)"
    rf"|{_PLACE_WORD}"
)
_SIGN = re.compile("[号弄栋幢座元室层楼房户门组队期区园寓厦场心馆庄村城府墅舍学院店际苑湾庭轩阁居邨屯寨]")
#: … and, unless it begins with a named region, two of these: the ends of units, streets, districts and buildings.
_TWO_SIGNS = re.compile(
    "[{0}][^{0}]*[{0}]".format(
        "省市县旗镇乡路街道巷弄里线同号栋幢座元室层楼房户门组队期区铺院园寓厦场心馆庄村城府墅舍学店际苑湾庭轩阁居邨屯寨"
    )
)
_NO_HOUSE = re.compile(r"(?:线|期|队|区|楼|层|门|组|座)$")


def find_addresses(text: str) -> Iterator[Place]:
    """Addresses with a house, room or building; a city or a district alone is none."""
    done = 0
    for start in _beginnings(text):
        if start < done:
            continue
        match = _CHAIN.match(text, start, start + 90)
        if match and _is_address(match):
            done = match.start() + len(match.group().rstrip())
            yield match.start(), done


def _beginnings(text: str) -> list[int]:
    """Places to read an address from. The front of a clause gives way to a better place within the next few words."""
    hints = [match.start() for match in _NUMBER_HINT.finditer(text)]
    found: list[int] = []
    for reach in _REACH.finditer(text) if hints else ():
        first, last = reach.span()
        if _SIGN.search(text, first, last) and _may_hold(text, first, last):
            found += [start for start in _fronts(text, *reach.span()) if _may_begin(text, start, reach.end(), hints)]
    return found


def _may_hold(text: str, first: int, last: int) -> bool:
    two = _TWO_SIGNS.search(text, first, last) or _NAMED_START.search(text, first, last)
    return two is not None and _DOOR.search(text, first, last) is not None


def _fronts(text: str, first: int, last: int) -> list[int]:
    """The places in `first`…`last` where an address may begin, in order."""
    sure = _sure_starts(text, max(0, first - 8), last + 12)
    fronts = {match.end() for match in _CLAUSE_START.finditer(text, max(0, first - 1), last)} - sure
    starts = {start for start in sure if first <= start < last}
    for start in fronts:
        better = next((at for at in range(start + 1, start + 9) if at in sure), 0)
        if start >= first and (not better or text[better - 1] in "省市区县镇乡路街道"):
            starts.add(start)
    return sorted(starts)


def _sure_starts(text: str, first: int, last: int) -> set[int]:
    named = {match.start() for match in _NAMED_START.finditer(text, first, last)}
    return named | {match.end() for match in _TOLD_START.finditer(text, first, last)}


def _may_begin(text: str, start: int, last: int, hints: list[int]) -> bool:
    """A cheap look before the costly one."""
    end = min(last, start + 90)
    if _DOOR.search(text, start, end) is None:
        return False
    if _TWO_SIGNS.search(text, start, end) is None and _NAMED_START.match(text, start) is None:
        return False
    return any(start < hint < start + 60 for hint in _near(hints, start))


def _near(hints: list[int], start: int) -> list[int]:
    at = bisect_right(hints, start)
    return hints[at : at + 1]


def _is_address(match: re.Match[str]) -> bool:
    """Enough of an address to find the door: a house on a street, a room in a building, a building in a district."""
    middle, tail, building = match["middle"].strip(), match["tail"].strip(), match["building"].strip()
    where = sum(bool(match[part]) for part in ("regions", "wards", "streets"))
    houses = [part for part in re.findall(_NUMBERED, middle + tail) if not _NO_HOUSE.search(part)]
    if match.group()[:1].isdigit():
        return False
    if match["streets"] and houses:
        return True
    if building and (houses or (tail and where)):
        return True
    return bool((building and where >= 2) or (houses and where >= 2))
