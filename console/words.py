"""The console's words for the product's own codes: outcomes, reasons, moods, intents, states, platforms."""

from __future__ import annotations

from datetime import UTC, datetime

from conversation.findings import Emotion

OUTCOMES = {
    "Answered": "已回答",
    "Clarified": "追问",
    "Acted": "已办理",
    "TicketOpened": "建工单",
    "HandedOff": "转人工",
    "Relayed": "转达",
    "StayedSilent": "不说话",
}
REASONS = {
    "staff_owns": "坐席正在处理",
    "not_addressed": "不是对机器人说的",
    "customer_asked": "客户要求人工",
    "refusal": "要求越界，婉拒",
    "upset": "客户情绪不好",
    "complaint": "客户投诉",
    "mood_worsening": "情绪越来越差",
    "media": "发来图片、语音或文件",
    "no_words": "没有文字",
    "thanks": "道谢",
    "goodbye": "道别",
    "nod": "应一声，不必回复",
    "can_do": "问机器人能做什么",
    "greeting": "打招呼",
    "ticket": "问自己的工单",
    "request": "需要人动手办",
    "unknown_twice": "连续两次答不上来",
    "not_helped": "上个回答没帮上忙",
    "faq": "知识库里就有",
    "compose": "据知识撰写",
    "extract": "摘自知识",
    "feedback": "建议或表扬",
    "small_talk": "闲聊",
    "candidates": "问法含糊，给出选项",
    "failed": "自动处理失败",
    "urgent": "事情紧急",
    "unknown": "知识库里没有",
    "check_failed": "答案没有通过核对",
    "waiting_for_staff": "等人工期间，转给坐席",
    "still_waiting": "客户问还要等多久",
    "off_topic": "与服务无关",
}
MOODS = {
    "angry": "生气",
    "anxious": "着急",
    "disappointed": "失望",
    "confused": "困惑",
    "neutral": "平静",
    "satisfied": "满意",
}
INTENTS = {
    "product_info": "商品咨询",
    "price_promo": "价格优惠",
    "stock": "库存",
    "order_status": "订单状态",
    "logistics": "物流",
    "change_order": "改单取消",
    "refund": "退款",
    "return_exchange": "退换货",
    "repair": "维修",
    "invoice": "发票",
    "account": "账号",
    "membership": "会员积分",
    "howto": "使用方法",
    "fault": "故障",
    "complaint": "投诉",
    "suggestion_praise": "建议表扬",
    "human_request": "要人工",
    "smalltalk": "闲聊",
    "thanks_bye": "道谢道别",
    "other": "其他",
}
PLATFORMS = {"wecom_bot": "企业微信", "feishu": "飞书"}
STATES = {"open": "机器人在答", "waiting": "等人工接单", "with_staff": "人工在答", "resolved": "已解决"}
LINE_STATES = {
    "queued": "待发",
    "sent": "已送达",
    "failed": "未送达",
    "unknown": "不知是否送达",
    "cancelled": "已取消",
    "recalled": "已撤回",
    "draft": "草稿",
    "observed": "只观察，未发出",
}
KINDS = {
    "image": "图片",
    "voice": "语音",
    "file": "文件",
    "video": "视频",
    "location": "位置",
    "link": "链接",
    "card": "卡片",
    "sticker": "表情",
}
SPEAKERS = {"bot": "机器人", "staff": "坐席", "customer": "客户"}
TICKET_STATES = {
    "open": "待处理",
    "processing": "处理中",
    "waiting_customer": "等客户补充",
    "resolved": "已解决",
    "closed": "已关闭",
}
PROMISE_STATES = {"open": "待兑现", "kept": "已兑现", "broken": "未兑现"}
HANDOFF_STATES = {"waiting": "等人接单", "taken": "处理中", "returned": "已归还机器人", "resolved": "已解决"}
AGENTS = {"triage": "听懂意图", "read_emotion": "体察情绪", "retrieve": "查知识库"}
#: From which chance on (0–1) a finding counts as how sure.
SURE = ((0.8, "很有把握"), (0.5, "有些把握"), (0.0, "拿不准"))
#: From which intensity on (0–3) a mood is how strong.
STRENGTHS = ((2.3, "非常"), (1.6, "很"), (0.8, ""), (0.0, "有点"))


def in_words(code: str, words: dict[str, str]) -> str:
    """The word for a code; the code itself where a deployer brought their own."""
    return words.get(code, code)


def sure(chance: float) -> str:
    """A chance (0–1) as a person would say it."""
    return next(word for least, word in SURE if chance >= least or least == 0)


def feeling(emotion: Emotion) -> str:
    """A mood with its strength: 很生气, 有点失望; a calm customer is just calm."""
    mood = in_words(emotion.label, MOODS)
    if emotion.label == "neutral":
        return mood
    return next(word for least, word in STRENGTHS if emotion.intensity >= least or least == 0) + mood


def took(milliseconds: float) -> str:
    """A duration: 16 毫秒, 1.2 秒."""
    return f"{milliseconds:.0f} 毫秒" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} 秒"


def span(seconds: float) -> str:
    """A waiting time: 不到 1 分钟, 5 分钟, 3 小时, 2 天."""
    minutes = int(max(seconds, 0) // 60)
    if minutes < 1:
        return "不到 1 分钟"
    if minutes < 60:
        return f"{minutes} 分钟"
    return f"{minutes // 60} 小时" if minutes < 48 * 60 else f"{minutes // (24 * 60)} 天"


def moment(at: float) -> str:
    """A moment (Unix seconds) for `<time datetime>`; the page shows it in the viewer's own time."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(at: float) -> str:
    """A moment in the server's time, for viewers without scripts."""
    return datetime.fromtimestamp(at).astimezone().strftime("%m-%d %H:%M")


def day(at: float) -> str:
    """The day of a moment, such as 11月20日."""
    local = datetime.fromtimestamp(at).astimezone()
    return f"{local.month}月{local.day}日"


FILTERS = {
    "outcome": lambda code: in_words(code, OUTCOMES),
    "reason": lambda code: in_words(code, REASONS),
    "mood": lambda code: in_words(code, MOODS),
    "intent": lambda code: in_words(code, INTENTS),
    "platform": lambda code: in_words(code, PLATFORMS),
    "state": lambda code: in_words(code, STATES),
    "line_state": lambda code: in_words(code, LINE_STATES),
    "kind": lambda code: in_words(code, KINDS),
    "speaker": lambda code: in_words(code, SPEAKERS),
    "ticket_state": lambda code: in_words(code, TICKET_STATES),
    "promise_state": lambda code: in_words(code, PROMISE_STATES),
    "handoff_state": lambda code: in_words(code, HANDOFF_STATES),
    "agent": lambda code: in_words(code, AGENTS),
    "sure": sure,
    "feeling": feeling,
    "took": took,
    "span": span,
    "moment": moment,
    "clock": clock,
    "day": day,
}
