"""The words staff read on cards and in threads: Chinese first, English complete. No 您 among colleagues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StaffWording:
    """One language. `titles` and `notes` are by state of the escalation, `{staff}` in a note is who has it."""

    titles: Mapping[str, str]
    notes: Mapping[str, str]
    reasons: Mapping[str, str]
    channels: Mapping[str, str]
    customer: str
    unknown_customer: str
    reason: str
    wants: str
    tried: str
    mood: str
    facts: str
    tickets: str
    suggested_reply: str
    take: str
    give_back: str
    resolve: str
    taken_by_you: str
    already_yours: str
    taken_by_other: str
    given_back: str
    resolved: str
    not_owned: str
    gone: str
    not_understood: str
    undelivered: str
    still_waiting: str
    customer_says: str


CHINESE = StaffWording(
    titles={"waiting": "需要人工", "taken": "处理中", "returned": "已归还机器人", "resolved": "已解决"},
    notes={
        "waiting": "点「接单」后机器人立即停止发言；直接在本话题里回复，客户即可收到。",
        "taken": "{staff} 正在处理。在本话题里回复，客户即可收到。",
        "returned": "{staff} 已归还，机器人继续服务。",
        "resolved": "{staff} 已解决。",
    },
    reasons={
        "customer_asked": "客户要求人工",
        "upset": "客户情绪不好",
        "mood_worsening": "客户情绪越来越差",
        "complaint": "客户投诉",
        "unknown_twice": "连续两次答不上来",
        "check_failed": "答案没有通过核对",
        "failed": "自动处理失败",
        "media": "客户发来图片或文件",
        "urgent": "事情紧急",
    },
    channels={"wecom_bot": "企业微信", "feishu": "飞书"},
    customer="客户",
    unknown_customer="未知客户",
    reason="原因",
    wants="诉求",
    tried="已尝试",
    mood="情绪",
    facts="要点",
    tickets="工单",
    suggested_reply="建议回复",
    take="接单",
    give_back="归还机器人",
    resolve="已解决",
    taken_by_you="已接单，机器人已停止发言",
    already_yours="这单已经在你手上",
    taken_by_other="{name} 已接单",
    given_back="已归还机器人",
    resolved="已标记为解决",
    not_owned="这单现在由机器人负责",
    gone="找不到这单，可能已被清理",
    not_understood="这个按钮已经失效",
    undelivered="⚠️ 这条没有送达客户：{why}",
    still_waiting="⏰ 客户还在等：已超过承诺的回复时间，请尽快接单",
    customer_says="客户：{text}",
)

ENGLISH = StaffWording(
    titles={"waiting": "Needs a person", "taken": "In hand", "returned": "Back with the bot", "resolved": "Resolved"},
    notes={
        "waiting": "Take it and the bot stops at once; reply in this thread and the customer gets it.",
        "taken": "{staff} has it. Reply in this thread and the customer gets it.",
        "returned": "{staff} gave it back; the bot goes on.",
        "resolved": "{staff} resolved it.",
    },
    reasons={
        "customer_asked": "The customer asked for a person",
        "upset": "The customer is upset",
        "mood_worsening": "The customer's mood is getting worse",
        "complaint": "A complaint",
        "unknown_twice": "Two questions in a row without an answer",
        "check_failed": "The answer did not pass its check",
        "failed": "Automatic handling failed",
        "media": "The customer sent a picture or a file",
        "urgent": "It is urgent",
    },
    channels={"wecom_bot": "WeCom", "feishu": "Feishu"},
    customer="Customer",
    unknown_customer="Unknown customer",
    reason="Reason",
    wants="Wants",
    tried="Tried",
    mood="Mood",
    facts="Facts",
    tickets="Tickets",
    suggested_reply="Suggested reply",
    take="Take",
    give_back="Back to the bot",
    resolve="Resolved",
    taken_by_you="Taken; the bot is silent now",
    already_yours="It is already yours",
    taken_by_other="{name} has taken it",
    given_back="Given back to the bot",
    resolved="Marked as resolved",
    not_owned="The bot has this conversation",
    gone="This escalation no longer exists",
    not_understood="This button no longer works",
    undelivered="⚠️ This did not reach the customer: {why}",
    still_waiting="⏰ The customer is still waiting: the promised time has passed",
    customer_says="Customer: {text}",
)


def staff_wording(language: str) -> StaffWording:
    """The words for `zh` or `en`; anything else reads Chinese."""
    return ENGLISH if language.startswith("en") else CHINESE
