"""Names of people, told by a surname and the words around them (我叫…, 收货人…, beside a phone). Used by redaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from conversation.pii_windows import windows, within

Place = tuple[int, int]

#: The surnames of over nine in ten people; then the rarer ones, believed only after a clear label.
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁沈任姚卢傅钟"
    "姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严覃武洪莫孔汤向常温康施文牛樊"
    "葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆"
    "蓝路游辛靳管柴蒙"
)
RARE_SURNAMES = (
    "鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边"
    "卞姬师仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡鞠惠荆乐冀郁胥南班储原栗燕楚鄢劳谌奚皮粟冼蔺"
    "楼盘满闻位厉伊仝区郜海阚花权强屠豆朴盖练廉禹井祖漆巴丰支卿国狄逄雒仝亓眭佴昝逯么"
)
DOUBLE_SURNAMES = (
    "欧阳|上官|司马|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|司空|夏侯|宇文|长孙|轩辕|端木|百里|南宫|独孤"
    "|钟离|呼延|澹台|濮阳|淳于|申屠|公羊|万俟|闻人|亓官|闾丘|太史"
)
_GIVEN = r"[\u4e00-\u9fff]"
#: Characters that hardly stand in a given name but often follow one.
_AFTER = (
    "的了是在我你您他她它这那哪吗呢吧啊和与跟把被让请想要买订电手住地身有没不还就也都到给从去来说问帮查收寄发退换号，"
)
_INNER = rf"(?:(?![{_AFTER}]|先生|女士|小姐|老师|经理|师傅|阿姨|同学|老板){_GIVEN})"
_NAME_ANY = rf"(?:(?:{DOUBLE_SURNAMES}){_INNER}{{1,2}}|[{SURNAMES}{RARE_SURNAMES}]{_INNER}{{1,2}})"
_NAME_PLAIN = rf"(?:(?:{DOUBLE_SURNAMES}){_INNER}{{1,2}}|[{SURNAMES}]{_INNER}{{1,2}})"
_NAME_DOTTED = r"(?![有是为])[\u4e00-\u9fff]{2,8}(?:[·•・][\u4e00-\u9fff]{2,8}){1,3}"
_END = (
    rf"(?=$|[^\u4e00-\u9fff]|[{_AFTER}]|先生|女士|小姐|老师|同学"
    r"|预|下单|前|上|刚|已|昨|今|明天|需|咨|反馈|本人|联系|申请)"
)

_ROLE = (
    r"(?:收货人|收件人|寄件人|发件人|签收人|联系人|持卡人|开户人|开户名|户名|户主|机主|车主|投保人|被保人|申请人|经办人|购买人|乘客|乘机人|入住人"
    r"|患者|学生|客户|会员|真实姓名|姓名|名字)"
)
_LABELLED = re.compile(
    rf"{_ROLE}(?:姓名|名称|名字)?(?:(?:变更|更改|修改|改|换)(?:成|为)|写的|填的|应该)?(?:是|叫|为)?"
    rf"\s{{0,2}}[：:=]?\s{{0,3}}(?P<name>{_NAME_DOTTED}|{_NAME_ANY}){_END}"
)
_COLON = re.compile(
    rf"{_ROLE}\s?[：:]\s{{0,3}}(?P<name>{_NAME_DOTTED}|[{SURNAMES}{RARE_SURNAMES}]{_GIVEN}{{1,2}}(?=$|[^\u4e00-\u9fff]))"
)
_SAID = re.compile(
    r"(?:我(?:的)?(?:名字)?(?:叫做?|名叫|姓名是)|本人(?:叫|是)?|名字(?:是|叫)"
    r"|(?:他|她|对方|朋友|老公|老婆|妈妈|爸爸|儿子|女儿)叫)"
    rf"[：:\s]{{0,2}}(?P<name>{_NAME_DOTTED}|{_NAME_ANY}){_END}"
)
_I_AM = re.compile(rf"(?:我是|这是|这里是)(?P<name>{_NAME_PLAIN})(?=$|[，,。.！!；;\s、])")
_TITLED = re.compile(rf"(?<![\u4e00-\u9fff])(?P<name>{_NAME_PLAIN})(?=(?:先生|女士|小姐))")
_RECEIVES = re.compile(rf"(?<![\u4e00-\u9fff])(?P<name>{_NAME_ANY})\s?(?=[（(]?收[）)]?(?:$|[\s，,。]))")
#: Latin names: `Anna Zhou`, `ZHOU YUTONG` or `ZHOU/YUTONG`, after a word that announces a name.
_LATIN = r"[A-Z][a-z]{1,14}(?:\s[A-Z][a-z]{1,14}){0,2}|[A-Z]{2,12}[\s/][A-Z]{2,16}"
_ENGLISH = re.compile(
    r"(?:\b(?:[Mm]y name is|[Nn]ame|[Cc]ustomer|[Gg]uest|[Pp]assenger|[Rr]eceiver|[Cc]ontact"
    r"|[Tt]his is|I am|I'm|[Dd]ear|[Ss]hip to)"
    r"(?:\sname)?|英文名字?|英文|拼音|护照名?|护照上|我叫|姓名|联系人|收件人|乘机人|入住人)(?:是|叫|为)?\s?[：:]?\s?"
    rf"(?P<name>{_LATIN})(?![A-Za-z])"
)
_FOREIGN = re.compile(rf"(?:我是|这是|我叫|叫|找|给|帮)(?P<name>{_NAME_DOTTED})(?=$|[^\u4e00-\u9fff·]|的)")
#: Words with a surname in front that name nobody.
NOBODY = re.compile(
    r"(?:"
    r"江苏|江西|黄金|白金|金卡|金牌|钻石|高级|高端|马上|方便|常客|普通|安徽|安卓|苹果|华为|小米|万能|万科|任何|"
    r"任意|文员|文件|成年|成人|明天|时候|石家|黄色|路痴|白色|蓝色|金色|路人|路过|国内|国外|国际|海外|海南|南方|"
    r"南京|北方|全部|全家|全国|商家|商户|商城|卖家|谢谢|麻烦|尽快|高兴|白天|全天|周[一二三四五六日末]|包邮|"
    r"包裹|毛巾|牛奶|金额|平时|万分|江浙|安全|单位|单独|单号|应该|关于|关注|向你|于是|程序|景区|易碎|和平|满意|"
    r"严重|解决|连续|时间|成功|农村|农民|房东|司机|师傅|官方|管理|查询|查一|强烈|支付|支持|原来|原价|平台|封面|"
    r"储蓄|权限|位置|花钱|池子|相关|名称|信息|电话|地址|号码|客服|经理|会员|顾客|店长|老板"
    r")"
)


def find_names(text: str) -> Iterator[Place]:
    """Names that the words around them announce."""
    for anchor, before, behind, patterns in _ANNOUNCED:
        places = windows(anchor, text, before, behind)
        for pattern in patterns if places else ():
            for match in within(pattern, text, places):
                if not NOBODY.match(match["name"]):
                    yield match.span("name")


#: What each pattern cannot do without, and how far it reads before and behind that.
_ANNOUNCED = (
    (re.compile("[人者名主客员患生户]"), 8, 60, (_LABELLED, _COLON)),
    (re.compile("[叫是名本]"), 6, 60, (_SAID, _I_AM)),
    (re.compile("先生|女士|小姐"), 8, 4, (_TITLED,)),
    (re.compile("收"), 10, 4, (_RECEIVES,)),
    (re.compile(r"[A-Z][A-Za-z]"), 30, 60, (_ENGLISH,)),
    (re.compile("[·•・]"), 16, 40, (_FOREIGN,)),
)


_TOKEN = rf"(?:{_NAME_PLAIN}|{_NAME_DOTTED})"
_BEFORE = re.compile(
    rf"(?:^|[\s，,；;：:。\n/、])(?P<name>{_TOKEN})[\s，,；;：:/、]{{1,3}}(?:电话|手机|地址)?[：:\s]?$",
)
#: What stands between a name and its number: a mark, or the end of 电话, 手机, 地址.
_PARTS = frozenset(" \t\n\r\f\v，,；;：:/、话机址")
_BEHIND = re.compile(rf"[\s，,；;/、]{{1,3}}(?P<name>{_TOKEN})(?=$|[\s，,；;。/、\n（(])")


def find_names_beside(text: str, places: Iterable[Place]) -> Iterator[Place]:
    """Names that stand as a word of their own right before or after a phone number or an address."""
    for start, end in places:
        parted = text[max(0, start - 1) : start] in _PARTS
        found = (_BEFORE.search(text, max(0, start - 12), start) if parted else None) or _BEHIND.match(text, end)
        if found and not NOBODY.match(found["name"]):
            yield found.span("name")
