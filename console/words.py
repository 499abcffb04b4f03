"""The console's words for the product's own codes: outcomes, reasons, moods, intents, states, platforms."""

from __future__ import annotations

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


def in_words(code: str, words: dict[str, str]) -> str:
    """The word for a code; the code itself where a deployer brought their own."""
    return words.get(code, code)


FILTERS = {
    "outcome": lambda code: in_words(code, OUTCOMES),
    "reason": lambda code: in_words(code, REASONS),
    "mood": lambda code: in_words(code, MOODS),
    "intent": lambda code: in_words(code, INTENTS),
    "platform": lambda code: in_words(code, PLATFORMS),
    "state": lambda code: in_words(code, STATES),
    "line_state": lambda code: in_words(code, LINE_STATES),
}
