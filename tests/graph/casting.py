"""The cast of the graph's tests: classifiers by keyword, a retriever over a handful of entries, turns in a line."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from agents.answer import AnswerAgent
from agents.answer_checker import AnswerChecker
from agents.emotion import EmotionAgent
from agents.likeness import likeness
from agents.prompts import PromptLibrary
from agents.ticket import TicketAgent
from agents.triage import TriageAgent
from conversation.findings import Emotion, Flags, Passage, Retrieval
from conversation.identity import Person, Room, RoomKind, Speaker
from conversation.messages import Attachment, ContentKind, IncomingMessage
from conversation.turn import Conversation, DeskHours, KnownTicket, Line, Turn
from graph.context import Specialists
from graph.thresholds import Thresholds
from graph.turn import TurnThinker
from llm.chat_model import ChatModel

INTENTS = (
    ("human_request", r"人工|真人"),
    ("complaint", r"投诉|态度|气人"),
    ("change_order", r"取消|改地址"),
    ("refund", r"退款|退钱"),
    ("return_exchange", r"退货|换货"),
    ("logistics", r"快递|物流|到哪|能到"),
    ("order_status", r"订单"),
    ("invoice", r"发票"),
    ("fault", r"故障|登录不上|报错"),
    ("smalltalk", r"天气|笑话"),
    ("suggestion_praise", r"真不错|建议你们"),
    ("howto", r"怎么|如何"),
)


class KeywordIntents:
    """Reads an intent from a keyword, with a fixed confidence."""

    def scores(self, text: str) -> dict[str, float]:
        return next(({name: 0.8} for name, pattern in INTENTS if re.search(pattern, text)), {})


class KeywordEmotions:
    """Anger by exclamation, worry by 着急, a grumble by 唉."""

    def read(self, text: str) -> Emotion:
        if re.search(r"气人|太差|垃圾|！！|!!", text):
            return Emotion("angry", {"angry": 0.9}, 2.4, -0.8)
        if re.search(r"着急|急用", text):
            return Emotion("anxious", {"anxious": 0.8}, 1.4, -0.45)
        return Emotion("neutral", {"neutral": 0.9}, 0.0, 0.0)


class KeywordFlags:
    """Flags by keyword."""

    def read(self, text: str) -> Flags:
        return Flags(
            wants_human=0.9 if re.search(r"换个活人", text) else 0.0,
            urgent=0.9 if "马上" in text else 0.0,
            injection=0.9 if re.search(r"忽略.*规则|提示词|ignore", text) else 0.0,
            offensive=0.9 if "傻" in text else 0.0,
        )


ENTRIES = (
    Passage("kb_refund", 3, "怎么申请退款", "在订单页点“申请退款”，审核通过后 1-3 个工作日原路退回。", 1.0),
    Passage(
        "kb_address", 1, "怎么修改收货地址", "未发货的订单可在“我的订单”里点“修改地址”；已发货的请联系快递改派。", 1.0
    ),
    Passage(
        "kb_invoice", 2, "发票怎么开", "在订单详情页点“申请发票”，支持增值税专用发票，电子发票 24 小时内发到邮箱。", 1.0
    ),
    Passage("kb_points", 1, "会员积分怎么兑换优惠券", "在“会员中心”的“积分商城”兑换，100 积分换 1 元券。", 1.0),
    Passage("kb_freight", 1, "运费谁出", "质量问题由商家承担运费，其他情况由买家承担。", 1.0),
)


@dataclass
class SmallRetriever:
    """Finds the entry whose question is most like the text; `bias` moves the chance that it answers."""

    entries: Sequence[Passage] = ENTRIES
    bias: float = 0.0
    stall_s: float = 0.0
    fails: bool = False
    asked: list[str] = field(default_factory=list)

    async def search(self, text: str, *, context: Sequence[str] = (), k: int = 5) -> Retrieval:
        self.asked.append(text)
        if self.fails:
            raise RuntimeError("the index is gone")
        if self.stall_s:
            await asyncio.sleep(self.stall_s)
        ranked = sorted(
            (replace(entry, score=likeness(text, entry.question)) for entry in self.entries),
            key=lambda passage: -passage.score,
        )
        best = ranked[0].score if ranked else 0.0
        return Retrieval(tuple(ranked[:k]), max(0.0, min(1.0, best + self.bias)) if best > 0 else 0.0)


def specialists(model: ChatModel | None = None, *, ticket_model: ChatModel | None = None) -> Specialists:
    """The real agents over the keyword classifiers."""
    prompts = PromptLibrary.load()
    return Specialists(
        triage=TriageAgent(KeywordIntents(), KeywordFlags()),
        emotion=EmotionAgent(KeywordEmotions()),
        answer=AnswerAgent(prompts, model),
        checker=AnswerChecker(),
        ticket=TicketAgent(prompts, ticket_model),
    )


def thinker(
    model: ChatModel | None = None, retriever: SmallRetriever | None = None, thresholds: Thresholds | None = None
) -> TurnThinker:
    """A thinker of turns, ready to be asked."""
    return TurnThinker(specialists(model), retriever or SmallRetriever(), thresholds=thresholds)


DIRECT = Room("wecom_kf", "main", "wm_1", RoomKind.DIRECT)
GROUP = Room("wecom_bot", "main", "wr_1", RoomKind.GROUP, "会员群")
CUSTOMER = Person("wm_1", "李女士")


def message(
    text: str, *, room: Room = DIRECT, mentions_bot: bool = False, kind: ContentKind = ContentKind.TEXT
) -> IncomingMessage:
    """One line of the customer."""
    attachments = () if kind is ContentKind.TEXT else (Attachment(kind, "media_1"),)
    return IncomingMessage(
        room, CUSTOMER, f"m-{abs(hash(text))}", text, 100.0, kind, mentions_bot=mentions_bot, attachments=attachments
    )


def turn(
    *texts: str,
    group: bool = False,
    mentioned: bool = False,
    kind: ContentKind = ContentKind.TEXT,
    history: Sequence[tuple[str, str]] = (),
    desk: DeskHours | None = None,
    tickets: Sequence[KnownTicket] = (),
    **conversation: object,
) -> Turn:
    """A turn about `texts`; `history` as (speaker, text); further keywords go to the conversation."""
    room = GROUP if group else DIRECT
    held = Conversation("cv_1", room, "cu_1", CUSTOMER, tickets=tuple(tickets), **conversation)  # type: ignore[arg-type]
    burst = tuple(message(text, room=room, mentions_bot=mentioned, kind=kind) for text in texts)
    lines = tuple(Line(Speaker(speaker), text, 50.0) for speaker, text in history)
    return Turn("tn_1", held, burst, lines, 100.0, desk=desk or DeskHours())


def mood(valence: float, label: str = "neutral", intensity: float = 0.5) -> Emotion:
    """An earlier emotion."""
    return Emotion(label, {label: 0.8}, intensity, valence)


def ticket(
    number: str = "T-20261120-0001", status: str = "open", kind: str = "refund", title: str = "退款"
) -> KnownTicket:
    """A ticket of the customer."""
    return KnownTicket(number, title, status, kind, 10.0)
