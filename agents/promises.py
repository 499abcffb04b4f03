"""Finds what a text claims to have done or promises to do: an answer may say neither unless the evidence says it."""

from __future__ import annotations

import re

_DO = (
    r"(?:联系|回复|回电|致电|来电|通知|答复|反馈|处理|跟进|安排|核实|核查|查询|登记|记录|提交|受理|办理|申请|退款|退回|退还"
    r"|补发|补偿|寄出|发货|取消|修改|升级|转接|转交|上报|催促|催办|开具|解决)"
)
_WHO = r"(?:我们?|客服|专员|专人|同事|工作人员|技术人员|负责人|后台|系统|这边)"
_MATTER = r"(?:申请|工单|退款|款项|订单|投诉|反馈|问题|需求|信息|诉求)"
_DONE = r"(?:已经?|正在|现在|刚刚?)"
_SOON = r"(?:稍后|尽快|马上|立即|随后|届时|及时)"
#: "请尽快联系…" asks the customer to do something; it promises nothing.
_NOT_ASKED = r"(?<!请)(?<!请您)(?<!可以)(?<!您可)(?<!建议)(?<!建议您)"
_ENGLISH_DONE = (
    r"(?:submitted|cancell?ed|refunded|opened|filed|sent|updated|changed|processed|escalated|checked|shipped)"
)
_ENGLISH_DO = r"(?:contact|call|get back|refund|send|process|cancel|check|look into|fix|reply|follow up)"

#: Something is said to be done or under way: only evidence word for word may say that.
CLAIM = re.compile(
    rf"(?:{_DONE}|马上|这就|立即)(?:成功)?(?:为|帮|给|替)(?:您|你)"
    rf"|(?:为|帮|给|替)(?:您|你).{{0,4}}{_DO}(?:了|好|成功|一下|中)"
    rf"|我(?:来|会|这就|马上|先)?(?:为|帮|给|替)(?:您|你)"
    rf"|{_WHO}{_DONE}.{{0,8}}{_DO}"
    rf"|{_MATTER}(?:我们)?{_DONE}.{{0,6}}(?:{_DO}|发出)"
    rf"|已经?.{{0,4}}{_DO}(?:成功|完毕|完成)?[，。！,.!]"
    rf"|\b(?:i|we) (?:have|'ve|just) (?:\w+ )?{_ENGLISH_DONE}|\b(?:has|have) been {_ENGLISH_DONE}",
    re.IGNORECASE,
)
#: Something is said to happen: the evidence must say nearly the same.
PROMISE = re.compile(
    rf"{_WHO}.{{0,10}}(?:会|将|{_SOON}).{{0,12}}{_DO}"
    rf"|{_NOT_ASKED}{_SOON}.{{0,8}}{_DO}"
    rf"|(?:会|将)(?:有|由|在|尽快|第一时间|主动).{{0,16}}{_DO}"
    r"|(?<!请)(?<!请您)(?:保证|确保|承诺)|一定(?:会|给)|包您|等我们?的?(?:消息|通知|回复)"
    rf"|\b(?:i|we|our \w+) ?(?:will|'ll|shall) (?:\w+ )?{_ENGLISH_DO}|\b(?:guarantee|promise)",
    re.IGNORECASE,
)
CONDITION = re.compile(
    r"如果|若|如(?!下|何)|一旦|当(?!前|天|日)|的话|(?:后|时|前)[，,]|\b(?:if|when|once|after)\b", re.IGNORECASE
)


def claims(sentence: str) -> bool:
    """True when a sentence says that something was or is being done for the customer."""
    return bool(CLAIM.search(sentence)) and not CONDITION.search(sentence)


def promises(sentence: str) -> bool:
    """True when a sentence says that somebody will do something."""
    return bool(PROMISE.search(sentence) or CLAIM.search(sentence))
