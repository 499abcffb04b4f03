"""Names of intents and moods as staff read them, on tickets and in briefs."""

from __future__ import annotations

from collections.abc import Mapping

from conversation.findings import EmotionLabel, Intent

INTENT_NAMES: Mapping[str, str] = {
    Intent.PRODUCT_INFO: "商品咨询",
    Intent.PRICE_PROMO: "价格优惠",
    Intent.STOCK: "库存",
    Intent.ORDER_STATUS: "订单查询",
    Intent.LOGISTICS: "物流查询",
    Intent.CHANGE_ORDER: "修改或取消订单",
    Intent.REFUND: "退款",
    Intent.RETURN_EXCHANGE: "退换货",
    Intent.REPAIR: "维修",
    Intent.INVOICE: "发票",
    Intent.ACCOUNT: "账号",
    Intent.MEMBERSHIP: "会员",
    Intent.HOWTO: "使用方法",
    Intent.FAULT: "故障",
    Intent.COMPLAINT: "投诉",
    Intent.SUGGESTION_PRAISE: "建议与表扬",
    Intent.HUMAN_REQUEST: "要求人工",
    Intent.OTHER: "其他",
}

MOOD_NAMES: Mapping[str, str] = {
    EmotionLabel.ANGRY: "生气",
    EmotionLabel.ANXIOUS: "着急",
    EmotionLabel.DISAPPOINTED: "失望",
    EmotionLabel.CONFUSED: "困惑",
    EmotionLabel.NEUTRAL: "平静",
    EmotionLabel.SATISFIED: "满意",
}
