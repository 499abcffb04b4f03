"""Every sentence a customer reads that no knowledge entry and no model wrote. The tone is changed here, nowhere else.

A sentence says only what is true when it is sent: no "we will call you" without a ticket, no time without a desk.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conversation.turn import DeskHours, KnownTicket

HAN = re.compile(r"[\u3400-\u9fff]")
LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
CHINESE_DAYS = ("今天", "明天", "周一", "周二", "周三", "周四", "周五", "周六", "周日")
ENGLISH_DAYS = ("today", "tomorrow", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Wording:
    """The customer-facing lines of one language; `{…}` are filled by the methods below, `{number}` by the desk."""

    language: str
    greeting: str
    thanks: str
    goodbye: str
    can_do: str
    small_talk: str
    feedback: str
    one_candidate: str
    several_candidates: str
    perhaps: str
    unknown: str
    not_helped: str
    refusal: str
    off_topic: str
    apology: str
    trouble: str
    staffed: str
    unstaffed: str
    waiting_staffed: str
    waiting_unstaffed: str
    dead_letter: str
    undeliverable: str
    image_unread: str
    voice_unread: str
    file_unread: str
    taken_over: str
    returned: str
    latecomer: str
    solved: str
    opened: str
    opened_unstaffed: str
    ask_order: str
    noted: str
    urged: str
    closed: str
    reopened: str
    state: str
    which: str
    none_known: str
    not_yours: str
    opening_time: str
    minutes: str
    hours: str
    statuses: Mapping[str, str]
    days: Mapping[str, str]

    def clarify(self, questions: Sequence[str]) -> str:
        """Asks which of up to three candidate questions was meant; the number alone is a valid answer."""
        if len(questions) == 1:
            return self.one_candidate.format(question=questions[0])
        return self.several_candidates.format(options=numbered(questions))

    def handed_off(self, desk: DeskHours, *, apologise: bool = False, because: str = "") -> str:
        """The line that goes with a handoff: within which time, or from when on, a person answers."""
        line = self.staffed if desk.staffed else self.unstaffed
        line = line.format(within=self.duration(desk.reply_within_s), opens=self.opens(desk))
        return f"{self.apology if apologise else ''}{because}{line}"

    def still_waiting(self, desk: DeskHours) -> str:
        """The honest answer to "how much longer?" while nobody has taken over yet."""
        if desk.staffed:
            return self.waiting_staffed
        return self.waiting_unstaffed.format(opens=self.opens(desk))

    def ticket_opened(self, desk: DeskHours, *, ask_order: bool, apologise: bool = False) -> str:
        """The line that goes with a new ticket; keeps `{number}` for the desk, asks for a missing order number."""
        line = self.opened if desk.staffed else self.opened_unstaffed.replace("{opens}", self.opens(desk))
        return f"{self.apology if apologise else ''}{line}{self.ask_order if ask_order else ''}"

    def about_ticket(self, line: str, ticket: KnownTicket) -> str:
        """One of the ticket lines, filled with what is known of the ticket."""
        status = self.statuses.get(ticket.status, ticket.status)
        return line.format(number=ticket.number, title=ticket.title, status=status)

    def which_ticket(self, tickets: Sequence[KnownTicket]) -> str:
        """Asks which of several tickets is meant."""
        return self.which.format(options=numbered([f"{ticket.number} {ticket.title}" for ticket in tickets]))

    def opens(self, desk: DeskHours) -> str:
        """When the desk opens, in this language."""
        words = desk.opens or self.opening_time
        for chinese, own in self.days.items():
            words = words.replace(chinese, own)
        return words

    def duration(self, seconds: float) -> str:
        """A time in words, never shorter than it is."""
        if seconds < 3600:
            return self.minutes.format(n=max(1, math.ceil(seconds / 60)))
        return self.hours.format(n=math.ceil(seconds / 3600))


def numbered(options: Sequence[str]) -> str:
    """One option a line, as `1. …`."""
    return "\n".join(f"{place}. {option}" for place, option in enumerate(options, start=1))


CHINESE = Wording(
    language="zh",
    greeting="您好，我在的，请问有什么可以帮您？",
    thanks="不客气，有需要随时找我。",
    goodbye="好的，祝您一切顺利，有需要随时找我。",
    can_do="您好，我是智能客服，可以解答常见问题、登记和查询工单；需要人工客服时，回复“转人工”即可。",
    small_talk="很高兴和您聊天。服务方面有什么可以帮您的，请随时告诉我。",
    feedback="谢谢您的反馈，这对我们很重要。",
    one_candidate="请问您想了解的是“{question}”吗？如果不是，请再补充一下具体情况。",
    several_candidates="为了准确答复您，请问您想了解的是：\n{options}\n回复序号即可；如果都不是，请再补充一下。",
    perhaps="关于“{question}”：{answer}\n如果这不是您要问的，请再补充一下。",
    unknown="抱歉，这个问题我暂时没有找到可靠的答案。麻烦您再补充一些细节（比如产品、订单号或报错提示）；也可以回复“转人工”。",
    not_helped="抱歉，前面的答复没能帮到您。麻烦您说说具体卡在哪一步；也可以回复“转人工”，由客服来处理。",
    refusal="抱歉，这个要求我没法照办。服务方面有什么问题，我很乐意帮您。",
    off_topic="抱歉，这个不在我的服务范围内。服务方面有什么可以帮您的，请告诉我。",
    apology="非常抱歉给您带来了不好的体验。",
    trouble="抱歉，我这边暂时查不到资料。",
    staffed="已为您转接人工客服，通常 {within}内回复，请您稍候，前面说过的不用再重复。",
    unstaffed="已为您转给人工客服。现在是非工作时间，客服将在{opens}后回复您，前面说过的不用再重复。",
    waiting_staffed="已通知人工客服，正在等待客服接入，请您再稍候片刻；您发的内容客服都能看到。",
    waiting_unstaffed="已通知人工客服，现在是非工作时间，客服将在{opens}后回复您；您发的内容客服都能看到。",
    dead_letter="抱歉，刚才的消息我没能处理好。",
    undeliverable="抱歉，刚才有一条回复没能送达，以这条为准。",
    image_unread="抱歉，我暂时看不懂图片，麻烦您用文字描述一下遇到的问题；也可以回复“转人工”。",
    voice_unread="抱歉，我暂时听不了语音，麻烦您用文字描述一下；也可以回复“转人工”。",
    file_unread="抱歉，我暂时打不开这类内容，麻烦您用文字描述一下；也可以回复“转人工”。",
    taken_over="您好，人工客服已接入，接下来由人工客服为您服务。",
    returned="人工客服的服务已结束，接下来由我继续为您服务，有问题请随时告诉我。",
    latecomer="您的问题和上面的一样，答复请看上一条；如有不同请告诉我。",
    solved="您之前问的问题已经解决：{answer}",
    opened="已为您登记工单 {number}，人工客服会跟进处理，您随时可以问我进度。",
    opened_unstaffed="已为您登记工单 {number}。现在是非工作时间，人工客服将在{opens}后跟进处理，您随时可以问我进度。",
    ask_order="麻烦您再发一下订单号，我会补充到工单里。",
    noted="好的，已补充到工单 {number}（{title}），客服处理时能看到。",
    urged="已在工单 {number}（{title}）上为您催办。目前状态：{status}。",
    closed="好的，已为您关闭工单 {number}（{title}）。如需重新处理，请随时告诉我。",
    reopened="已为您重新打开工单 {number}（{title}），人工客服会继续跟进。",
    state="您的工单 {number}（{title}）目前状态：{status}。",
    which="您有多个工单，请问是哪一个：\n{options}\n回复序号即可。",
    none_known="没有查到您名下的工单。如果有需要处理的问题，请直接告诉我，我来登记。",
    not_yours="没有查到您名下有工单 {number}，麻烦您核对一下工单号。",
    opening_time="上班",
    minutes="{n} 分钟",
    hours="{n} 小时",
    statuses={
        "open": "待处理",
        "processing": "处理中",
        "waiting_customer": "等待您补充信息",
        "resolved": "已解决",
        "closed": "已关闭",
    },
    days={},
)

ENGLISH = Wording(
    language="en",
    greeting="Hello, how can I help you?",
    thanks="You're welcome. I'm here whenever you need me.",
    goodbye="All right, have a good day. I'm here whenever you need me.",
    can_do="Hello, I'm a virtual assistant. I answer common questions and open or look up tickets; "
    'reply "human" to reach our staff.',
    small_talk="Nice talking to you. If there is anything I can help with, just tell me.",
    feedback="Thank you for your feedback, it matters to us.",
    one_candidate='Do you mean "{question}"? If not, please tell me a little more.',
    several_candidates="To answer you correctly: which one do you mean?\n{options}\n"
    "The number is enough; if it is none of them, please tell me more.",
    perhaps='About "{question}": {answer}\nIf this is not what you asked, please tell me a little more.',
    unknown="Sorry, I could not find a reliable answer. Could you give me some details "
    '(product, order number or error message)? You can also reply "human".',
    not_helped='Sorry, my answer did not help. Please tell me where you are stuck, or reply "human" for our staff.',
    refusal="Sorry, I can't do that. I'm glad to help with any question about our service.",
    off_topic="Sorry, that is outside what I can help with. Please tell me what you need from our service.",
    apology="We are very sorry about this experience. ",
    trouble="Sorry, I cannot reach our information right now. ",
    staffed="I have passed you to our staff, who usually reply within {within}. No need to repeat what you said.",
    unstaffed="I have passed this to our staff. They are off duty now and will reply after {opens}. "
    "No need to repeat what you said.",
    waiting_staffed="Our staff have been notified and will join here, please bear with us; they see what you write.",
    waiting_unstaffed="Our staff have been notified. They are off duty now and will reply after {opens}.",
    dead_letter="Sorry, I could not deal with your last message. ",
    undeliverable="Sorry, one of my replies could not be delivered; please go by this one.",
    image_unread='Sorry, I cannot read pictures. Please describe the problem in words, or reply "human".',
    voice_unread='Sorry, I cannot listen to voice messages. Please write it down, or reply "human".',
    file_unread='Sorry, I cannot open this kind of content. Please describe it in words, or reply "human".',
    taken_over="Hello, a member of our staff has joined and will take it from here.",
    returned="Our staff have finished; I am here again if you have further questions.",
    latecomer="This is the same question as above, please see the previous reply; tell me if yours differs.",
    solved="The question you asked earlier is solved: {answer}",
    opened="I have opened ticket {number}. Our staff will deal with it; you can ask me about it any time. ",
    opened_unstaffed="I have opened ticket {number}. Our staff are off duty now and will deal with it after {opens}; "
    "you can ask me about it any time. ",
    ask_order="Please also send me the order number, I will add it to the ticket.",
    noted="I have added this to ticket {number} ({title}); our staff will see it.",
    urged="I have marked ticket {number} ({title}) as urgent for you. Status: {status}.",
    closed="I have closed ticket {number} ({title}). Tell me if it should be opened again.",
    reopened="I have opened ticket {number} ({title}) again; our staff will go on with it.",
    state="Your ticket {number} ({title}) is {status}.",
    which="You have several tickets. Which one do you mean?\n{options}\nThe number is enough.",
    none_known="I found no ticket of yours. If something needs doing, tell me and I will open one.",
    not_yours="I found no ticket {number} of yours, please check the number.",
    opening_time="the desk opens",
    minutes="{n} min",
    hours="{n} h",
    statuses={
        "open": "open",
        "processing": "in progress",
        "waiting_customer": "waiting for details from you",
        "resolved": "resolved",
        "closed": "closed",
    },
    days=dict(zip(CHINESE_DAYS, ENGLISH_DAYS, strict=True)),
)


def wording(language: str = "zh") -> Wording:
    """The lines in a language (`zh`, `en`); Chinese for any other."""
    return ENGLISH if language == "en" else CHINESE


def language_of(texts: Sequence[str]) -> str:
    """The language customers write in, from their lines, newest last: the newest line that shows one decides."""
    for text in reversed(texts):
        if HAN.search(text):
            return "zh"
        if len(LATIN_WORD.findall(text)) >= 2:
            return "en"
    return "zh"
