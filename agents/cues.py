"""Reads the closed set of phrases that mean one thing whatever a model thinks: 谢谢, 在吗, 转人工, 人呢, 催一下工单.

Pure and deterministic; the policy table combines these cues with the findings of the trained classifiers.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from agents.slots import find_slots


class Cue(StrEnum):
    """What a phrase does, as far as its words alone tell."""

    EMPTY = "empty"
    NUDGE = "nudge"
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    NOD = "nod"
    WHO_ARE_YOU = "who_are_you"
    WANTS_HUMAN = "wants_human"
    NO_HUMAN = "no_human"
    NOT_HELPED = "not_helped"
    THREATENS = "threatens"
    ABOUT_US = "about_us"
    WHERE_IS_STAFF = "where_is_staff"
    TICKET = "ticket"
    URGES = "urges"
    CLOSES = "closes"
    ADDS = "adds"
    ASKS = "asks"
    ASKS_HOW = "asks_how"
    REQUESTS = "requests"
    TROUBLE = "trouble"
    OWN_ORDER = "own_order"


#: Cues of a whole message that carries no matter of its own.
SOCIAL = frozenset({Cue.EMPTY, Cue.NUDGE, Cue.GREETING, Cue.THANKS, Cue.GOODBYE, Cue.NOD, Cue.WHO_ARE_YOU})

_TONE = r"(?:啊|呀|哦|噢|呢|哈|啦|了|嘛|吧|哟|呐|捏|的|亲|您|你|～|~)*"
_NOD = (
    r"(?:好(?:的|滴|嘞|哒|吧|了)?|嗯+|恩+|哦+|噢+|喔+|行|可以|没问题|知道|明白|了解|收到|懂|清楚|是|对"
    r"|ok(?:ay)?|okk|k|got it|sure|yes|yeah|fine|alright)"
)
_THANK = (
    r"(?:(?:太|非常|十分|真的?|多|万分)?(?:谢谢|感谢|谢|感激)(?:大家|老师|客服|小姐姐|小哥哥|老板|各位)?"
    r"|辛苦|麻烦(?:您|你)?了|3q|thx|thank you(?: so much| very much)?|thanks?(?: a lot| so much)?|多谢|感恩)"
)
_BYE = (
    r"(?:再见|拜拜|拜|晚安|回头见|下次见|没事|没有|没别的|没其他(?:问题)?|不用|不需要|问题?(?:已经)?解决"
    r"|bye(?: ?bye)?|goodbye|see you|good night|那就这样|先这样|就这样)"
)
_GREET = (
    r"(?:您好|你好|哈[喽啰罗]|嗨|hi|hello|hey|在吗|在不在|在么|在嘛|有人吗|有人在吗|有人么|请问|客服|亲|老师|小\w"
    r"|早上好|上午好|中午好|下午好|晚上好|早安?|早"
    r"|good (?:morning|afternoon|evening)|are you there|anyone(?: there)?|in)"
)


def _whole(pieces: str, must: str) -> re.Pattern[str]:
    # Atomic: a phrase once read is not re-read, so that "哦哦哦…" costs no exponential time.
    return re.compile(rf"(?=.*{must})(?:(?>{pieces}{_TONE}\s*))+")


_WHOLE: tuple[tuple[Cue, re.Pattern[str]], ...] = (
    (Cue.THANKS, _whole(rf"(?:{_NOD}|{_THANK}|{_BYE}|那|非常|您|你)", _THANK)),
    (Cue.GOODBYE, _whole(rf"(?:{_NOD}|{_BYE}|那|我)", _BYE)),
    (Cue.NOD, _whole(rf"(?:{_NOD}|那|我)", _NOD)),
    (Cue.GREETING, _whole(_GREET, _GREET)),
    (
        Cue.WHO_ARE_YOU,
        re.compile(
            r"(?:请问)?(?:您|你)们?(?:到底)?(?:是(?:不是)?(?:谁|什么|机器人|真人|人工|人|ai|客服)|叫什么(?:名字)?"
            r"|(?:能|会|可以)(?:帮我)?(?:做|干)?(?:什么|些什么|啥)|有(?:什么|哪些)功能)"
            r"(?:还是(?:机器人|真人|人工|人|ai))?(?:吗|呀|啊|呢|么|的)*"
            r"|who are you|what can you do|are you (?:a |an )?(?:bot|robot|human|ai|real person)"
        ),
    ),
    (
        Cue.NUDGE,
        re.compile(
            r"\d{1,2}|人呢|(?:快|赶紧)?(?:回|回复|回答)(?:一?下|我)*|说话|怎么不(?:说话|回复?|理我?)(?:我|了|呢)*|喂+"
        ),
    ),
)

_HUMAN = r"(?:人工|真人|活人|坐席|客服(?:人员|经理|主管)|专员|人工客服)"
_SPOKEN: tuple[tuple[Cue, re.Pattern[str]], ...] = (
    (
        Cue.NO_HUMAN,
        re.compile(rf"(?:不用|不要|不必|不需要|无需|别|先不|暂时不)(?:再)?(?:给我|帮我)?(?:转接?|找|要|叫)?{_HUMAN}"),
    ),
    (
        Cue.WANTS_HUMAN,
        re.compile(
            rf"(?:转接?|接|找|要|叫|换|联系|请|来)(?:一?下|一?个|一?位|到|给我|你们|您们|你|的|们|我)*{_HUMAN}"
            rf"|^{_HUMAN}(?:服务|客服|处理|接待)?$|{_HUMAN}(?:客服)?(?:在吗|在不在|在哪|来)"
            r"|(?:转|找|叫|换)(?:一?下|一?个|位|你们)*(?:客服|人(?:来|跟|和|处理|说|聊)|经理|领导|主管|负责人)"
            r"|(?:不想|不要|别|不愿|懒得)(?:再)?(?:跟|和|让)(?:你个?|这个?)?(?:机器人|ai|智能客服)|我要和人(?:说|聊|谈)"
            r"|\b(?:human|real person|live agent|representative|customer service agent)\b"
            r"|(?:talk|speak|chat) (?:to|with) (?:a |an |some)?(?:person|one|someone|agent|human|staff)"
        ),
    ),
    (
        Cue.NOT_HELPED,
        re.compile(
            r"^\W*(?:都|还是|依然|可|但)*(?:没用|不行|不对|不是|不管用|没解决|没效果|不好使|没帮助|没(?:有)?用处?)(?:的|啊|呀|了|吧)*\W*$"
            r"|你?(?:说|讲|答|回答)的?(?:都)?不(?:对|是)|答非所问|牛头不对马嘴|不是(?:我)?(?:问|说)的|我(?:不是)?问的(?:不)?是"
            r"|(?:问题)?(?:还是)?没(?:有)?(?:帮助|解决)(?:问题|到)?\W*$|问了(?:好几|[两三四五六七八九十\d]+)[遍次]|第[三四五六七八九十\d]+[遍次]问"
            r"|\b(?:didn't|doesn't|not|no) (?:help|helpful|use|work)\b|wrong answer"
        ),
    ),
    (
        Cue.THREATENS,
        re.compile(r"12315|12345|消协|消费者协会|工商局|市场监管|曝光|起诉|律师|法院|报警|媒体|差评|举报"),
    ),
    (Cue.ABOUT_US, re.compile(r"你们|您们|贵司|贵店|店里|公司|客服|\byou\b|\byour\b")),
    (
        Cue.WHERE_IS_STAFF,
        re.compile(
            r"人呢|客服呢|人工呢|(?:怎么)?(?:还|都)?(?:没|没有|不见)(?:有)?人(?:理|回|管|来|接|应|工|$)|(?:还要|要|还得)(?:等)?多久"
            r"|等(?:了)?(?:很|好|这么|那么|半|多)?(?:多)?(?:久|半天|长时间)|排队"
            r"|什么时候(?:能|才|可以)?(?:有人|回复|接入|转接|来|转|联系)"
            r"|(?:有|来)人吗|在(?:处理|转)(?:了)?吗"
            r"|多久(?:能|可以|才)?(?:回复|接入|有人|接|来)|how long|anyone there|still waiting"
        ),
    ),
    (
        Cue.TICKET,
        re.compile(
            r"工单|报修单|登记的(?:问题|事)|\bticket\b"
            r"|(?:我|之前|上次|昨天|前天|刚才|刚刚)(?:\w{0,4})?(?:提交?|报|登记|反馈|投诉)(?:过)?的(?:\w{0,8})"
            r"(?:怎么样|进度|处理|结果|好了|解决|有消息)|处理(?:进度|到哪|得怎么样|结果(?:怎么|如何|呢|出来))|进度(?:怎么样|如何|呢|查询)?$|查(?:一下|询)?进度"
        ),
    ),
    (
        Cue.URGES,
        re.compile(
            r"催|加急|抓紧|尽快处理|赶紧处理|快点(?:处理|解决)"
            r"|怎么还(?:没|不)(?:处理|解决|好)|还没(?:处理|解决|结果|消息|好)|hurry|urge"
        ),
    ),
    (
        Cue.CLOSES,
        re.compile(
            r"(?:取消|关闭|撤销|撤回|关掉|撤掉|结束|不用处理).{0,10}(?:工单|t-\d)"
            r"|(?:工单|t-\d[\d-]*).{0,8}(?:取消|关闭|撤销|撤回|关掉|撤掉|不用处理|可以结束)"
            r"|(?:close|cancel).{0,12}ticket",
        ),
    ),
    (
        Cue.ADDS,
        re.compile(
            r"(?:补充|追加|备注|添加|更新)(?:一?下|一?个|一?点|信息|说明|内容|：|:|，|,)|再(?:补|加)(?:一?[句个点])|\badd\b.{0,20}ticket"
        ),
    ),
    (
        Cue.ASKS_HOW,
        re.compile(
            r"怎么(?!还|这么|那么|回事|没|不|样)|怎样|如何|咋(?!还|没|不)|哪里|哪儿|在哪|步骤|流程|方法|教程"
            r"|\bhow (?:do|can|to|does|should)\b|\bwhere\b"
        ),
    ),
    (
        Cue.ASKS,
        re.compile(
            r"怎么|怎样|如何|咋|哪|能不能|可不可以|可否|是否|是不是|有没有|会不会|要不要|需不需要|支不支持|支持"
            r"|多久|多少|几|什么|啥|为什么|为何|吗|么[？?]?$|呢[？?]?$|[？?]"
            r"|\b(?:how|where|what|when|why|which|who|can|could|does|do|is|are)\b"
        ),
    ),
    (
        Cue.REQUESTS,
        re.compile(
            r"帮(?:我|忙|一下)|(?:给|替)我|麻烦.{0,12}(?:改|查|取消|退|处理|登记|报|补|换|开|寄|看|催|安排|核实)"
            r"|我(?:想|要|得|需要)(?:申请)?(?:退|换|取消|投诉|改|报修|维修|修|开|补|申请)"
            r"|(?:取消|退)掉|(?<!申)请(?:您|你们?)?(?:尽快|立即|马上)?(?:取消|修改|处理|安排|补发|核实|退)|(?<!怎么)(?<!如何)(?<!怎样)(?<!哪里)申请(?:一下)?(?:退|换|售后|补偿|赔)"
            r"|(?:please|help me|i want to|i'd like to) ?(?:refund|cancel|change|return|exchange|fix|check)?"
        ),
    ),
    (
        Cue.TROUBLE,
        re.compile(
            r"(?:还|一直|都|至今|仍然?)(?:没|没有|未)|没有?(?:到账|收到|更新|发货|动静|反应|给我)|收不到"
            r"|(?:碎|坏|破损?|裂|漏)(?:了|的|掉)|(?:是|都)(?:碎|坏|破|裂)|少(?:发|了)|漏发|发错|错发"
            r"|丢(?:了|件)|打不开|(?:登录?|登陆|进|连接?|用|付款|支付|下单|提交)"
            r"不(?:上|了|进|成功)|无法(?:登录|使用|打开|支付|下单|连接)"
            r"|用不了|不能用|失败|报错|闪退|死机|黑屏|故障|异常|扣了(?:两|2|多)|多扣|被盗"
            r"|(?:[\d一二两三四五六七八九十几]+)(?:个)?(?:多)?(?:天|小时|周|星期|月)(?:了|还?没|没|都没)|拍错|买错|下错"
            r"|(?:not|never|didn't|hasn't|won't|can't) (?:received?|arrived?|work|log|open|been)|broken|damaged"
        ),
    ),
    (
        Cue.OWN_ORDER,
        re.compile(
            r"我的?(?:这个|那个)?(?:订单|快递|包裹|货|单子|东西)|(?:这|那)(?:个|笔|一)?单|刚(?:刚|才)?(?:下|买|拍|付)的"
            r"|订单显示|my (?:order|parcel|package)"
        ),
    ),
)

#: Characters read; nobody opens a matter beyond them.
MOST = 500
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_GAPS = re.compile(r"[，,。.!！？?；;：:、…~～\s]+")
_QUESTION_MARKS = re.compile(r"[?？\s]*[?？][?？\s]*")


def read_cues(text: str) -> frozenset[Cue]:
    """The cues of one burst. A whole-message cue (`SOCIAL`) stands alone, so the first one found is enough."""
    folded = unicodedata.normalize("NFKC", text[:MOST]).lower().strip()
    bare = _EDGES.sub("", folded)
    if not bare:
        return frozenset({Cue.NUDGE if _QUESTION_MARKS.fullmatch(folded) else Cue.EMPTY})
    found = set()
    if len(bare) <= 40:
        joined = _GAPS.sub(" ", bare)
        found = {next((cue for cue, pattern in _WHOLE if pattern.fullmatch(joined)), Cue.EMPTY)} - {Cue.EMPTY}
    found |= {cue for cue, pattern in _SPOKEN if pattern.search(folded)}
    if Cue.NO_HUMAN in found:
        found.discard(Cue.WANTS_HUMAN)
    slots = find_slots(text)
    if slots.tickets:
        found.add(Cue.TICKET)
    if slots.orders or slots.trackings:
        found.add(Cue.OWN_ORDER)
    return frozenset(found)
