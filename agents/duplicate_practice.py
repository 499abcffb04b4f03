"""Makes practice pairs for `duplicate.py`: the labelled pairs are all hard, so everyday ones are added by rewording.

The same question with politeness, other particles, swapped question words or a slip of the finger is still the same;
two questions picked at random are not.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_FRONTS = ("请问", "你好，", "亲，", "我想问下", "麻烦问一下", "求问", "", "", "那个", "老板 ", "我也想知道")
_ENDS = ("？", "?", "呢", "啊", "呀", " 谢谢", "吗", "", "", "!!")
_TURNS = re.compile("怎么|如何|什么时候|多久|能不能|可以|多少|哪里|为什么")
_SWAPS = (
    *(("怎么", "如何"), ("怎么", "咋"), ("什么时候", "几时"), ("什么时候", "啥时候"), ("多久", "多长时间")),
    *(("多久", "几天"), ("能不能", "可以"), ("能不能", "能否"), ("为什么", "为啥"), ("哪里", "在哪"), ("什么", "啥")),
    *(("多少钱", "什么价格"), ("没收到", "还没到"), ("没有", "没"), ("怎么办", "咋整"), ("你们", "咱们店")),
)


@dataclass(frozen=True, slots=True)
class PracticePair:
    """Two questions, whether they ask the same, and how much the pair counts in training."""

    a: str
    b: str
    same: bool
    weight: float = 1.0


def practice_pairs(labelled: Sequence[PracticePair], intents: Mapping[str, Sequence[str]]) -> list[PracticePair]:
    """`labelled` and everyday pairs made from its questions and from the examples of intents; always the same ones."""
    dice = random.Random(5)
    own = [text for pair in labelled for text in (pair.a, pair.b)]
    every = own + [text for texts in intents.values() for text in texts]
    dressed = [PracticePair(text, _dress(text, dice), True, 0.5) for text in dice.sample(own, min(300, len(own)))]
    reworded = [PracticePair(text, _reword(text, dice), True, 2.0) for text in dice.sample(every, min(450, len(every)))]
    strangers = [_apart(every, dice, 0.7) for _ in range(500)]
    kin = [_apart(intents[label], dice, 1.0) for label in dice.choices(sorted(intents), k=150)]
    return [*labelled, *dressed, *(pair for pair in reworded if pair.a != pair.b), *strangers, *kin]


def _apart(texts: Sequence[str], dice: random.Random, weight: float) -> PracticePair:
    a, b = dice.sample(list(texts), 2)
    return PracticePair(a, b, False, weight)


def _dress(text: str, dice: random.Random) -> str:
    bare = text.rstrip("？?吗呢啊呀")
    return _slip(dice.choice(_FRONTS) + bare + dice.choice(_ENDS), dice, 0.3)


def _reword(text: str, dice: random.Random) -> str:
    turn = _TURNS.search(text)
    if turn and dice.random() < 0.5:
        text = text[turn.start() :] + text[: turn.start()]
    for left, right in dice.sample(_SWAPS, len(_SWAPS)):
        if left in text and dice.random() < 0.7:
            text = text.replace(left, right, 1)
        elif right in text and dice.random() < 0.7:
            text = text.replace(right, left, 1)
    text = _slip(_slip(text, dice, 0.5), dice, 0.25)
    return _dress(text, dice) if dice.random() < 0.4 else text


def _slip(text: str, dice: random.Random, chance: float) -> str:
    if len(text) < 8 or dice.random() >= chance:
        return text
    place = dice.randrange(len(text))
    return text[:place] + text[place + 1 :]
