"""Examines an answer before it leaves: everything hard in it must stand in the evidence. No model, no I/O.

Takes a draft, the passages and what people said; gives an `AnswerCheck` whose problems name what is unsupported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.figures import Figure, day_words, emails, figures, fold, links, names
from agents.likeness import covered, plain
from agents.promises import claims, promises
from agents.sentences import split_sentences
from conversation.findings import Answer, AnswerCheck, Passage

QUOTED = re.compile(r"[“「『《【\[\"]([^”」』》】\]\"\n]{2,30})[”」』》】\]\"]")
HAN = re.compile(r"[\u3400-\u9fff]")
#: What may be turned round by a small word: asked of answer and evidence alike.
POLAR = ("支持", "可以", "需要", "收取", "收费", "提供", "允许", "包邮", "包含", "影响")
#: Words that are each other's contrary: one in the answer, only the other in the evidence, is a changed fact.
CONTRARY = (
    ("买家", "卖家"),
    ("买家", "商家"),
    ("免费", "收费"),
    ("线上", "线下"),
    ("以内", "以上"),
    ("最多", "最少"),
    ("至多", "至少"),
    ("之前", "之后"),
    ("增加", "减少"),
    ("国内", "国外"),
)
NOT = r"(?:不|无法|没有?|未|无需|不能|非|免|不用|不会)"
#: Words everybody writes; they are no names.
EVERYDAY = frozenset({"ok", "app", "vip", "a", "i"})
LEAKED = re.compile(
    r"can_answer|citations|</?\w+>|＜|提示词|system prompt|作为(?:一个)?(?:ai|人工智能|语言模型)|<资料>", re.I
)
#: At least this share of an answer's character pairs stands in what it rests on; below, it is somebody's invention.
GROUNDED = 0.3
#: A promise may leave when one sentence of the evidence says nearly the same.
SAID = 0.95
LONGEST = 800


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer may rest on: the cited passages, and what the customer and staff said themselves."""

    passages: tuple[Passage, ...]
    said: str

    @property
    def text(self) -> str:
        """Passages and words as one text."""
        return "\n".join([*(f"{p.question}\n{p.answer}" for p in self.passages), self.said])


class AnswerChecker:
    """The deterministic guard between a composed answer and the customer."""

    def check(
        self, answer: Answer, passages: Sequence[Passage], said: Iterable[str], *, has_ticket: bool = False
    ) -> AnswerCheck:
        """Whether `answer` may leave. `said` are the customer's and the staff's own words; with a ticket behind it
        an answer may promise."""
        cited = tuple(
            p for p in passages if any((c.entry_id, c.version) == (p.entry_id, p.version) for c in answer.citations)
        )
        evidence = Evidence(cited, "\n".join(said))
        problems = [
            *_form(answer, passages),
            *_facts(answer.text, evidence.text),
            *_quotes(answer.text, evidence.text),
            *([] if has_ticket else _promises(answer.text, evidence)),
            *_polarity(answer.text, evidence),
            *_grounding(answer.text, evidence.text),
        ]
        return AnswerCheck(not problems, tuple(problems))


def _form(answer: Answer, passages: Sequence[Passage]) -> Iterable[str]:
    if not answer.can_answer or not answer.text.strip():
        yield "cannot_answer"
    if len(answer.text) > LONGEST:
        yield "too_long"
    if LEAKED.search(answer.text):
        yield "leak"
    known = {(p.entry_id, p.version) for p in passages}
    if not answer.citations:
        yield "citation:none"
    yield from (f"citation:{c.entry_id}" for c in answer.citations if (c.entry_id, c.version) not in known)


def _facts(text: str, evidence: str) -> Iterable[str]:
    known = figures(evidence)
    values = {figure.value for figure in known}
    unitless = {figure.value for figure in known if not figure.unit}
    for figure in sorted(figures(text), key=lambda f: (f.value, f.unit)):
        if not _stands(figure, known, values, unitless):
            yield f"figure:{figure.value}{figure.unit}"
    yield from (f"link:{link}" for link in sorted(links(text) - links(evidence)))
    yield from (f"email:{email}" for email in sorted(emails(text) - emails(evidence)))
    yield from (f"day:{word}" for word in sorted(day_words(text) - day_words(evidence)))
    folded = fold(evidence).lower()
    yield from (f"name:{name}" for name in _proper_names(text) if name.lower() not in folded)


def _stands(figure: Figure, known: set[Figure], values: set[str], unitless: set[str]) -> bool:
    if figure in known or figure.value in unitless:
        return True
    return not figure.unit and figure.value in values


def _proper_names(text: str) -> list[str]:
    """In Chinese every Latin word is a name; in English those with a capital or digit inside a sentence."""
    found = [name for name in names(text) if len(name) > 1 and name.lower() not in EVERYDAY]
    if HAN.search(text):
        return found
    opening = {match[1] for match in re.finditer(r"(?:^|[.!?:]\s+|\n\s*)([A-Za-z][\w.-]*)", text)}
    return [name for name in found if name not in opening and re.search(r"[A-Z0-9]", name)]


def _quotes(text: str, evidence: str) -> Iterable[str]:
    known = plain(evidence)
    yield from (f"quote:{quote}" for quote in QUOTED.findall(text) if plain(quote) not in known)


def _promises(text: str, evidence: Evidence) -> Iterable[str]:
    """Only the knowledge base may promise: what a customer says was promised to them binds nobody."""
    written = [sentence for passage in evidence.passages for sentence in split_sentences(passage.answer)]
    known = plain("".join(written))
    for sentence in split_sentences(text):
        if claims(sentence + "。") and plain(sentence) not in known:
            yield f"claim:{sentence[:40]}"
        elif promises(sentence) and max((covered(sentence, own) for own in written), default=0.0) < SAID:
            yield f"promise:{sentence[:40]}"


def _polarity(text: str, evidence: Evidence) -> Iterable[str]:
    written = "\n".join(passage.answer for passage in evidence.passages)
    for word in POLAR:
        told, known = _stances(text, word), _stances(written, word)
        if known and told - known:
            yield f"turned:{word}"
    for pair in CONTRARY:
        for word, contrary in (pair, pair[::-1]):
            if word in text and word not in written and contrary in written:
                yield f"turned:{word}"


def _stances(text: str, word: str) -> set[bool]:
    """True for "yes", False for "no", both where a text says both."""
    return {match[1] is None for match in re.finditer(rf"({NOT})?(?:再|额外|另外)?{word}", text)}


def _grounding(text: str, evidence: str) -> Iterable[str]:
    """Words of another script cannot be compared; facts and promises are checked all the same."""
    if bool(HAN.search(text)) == bool(HAN.search(evidence)) and covered(text, evidence) < GROUNDED:
        yield "ungrounded"
