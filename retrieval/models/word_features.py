"""English words for the few-shot models: shortened, by kind where the kind tells more, alone and in pairs.

Character n-grams alone do for Chinese; of English they miss which words stand together.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

import numpy as np

from retrieval.models.folding import fold
from retrieval.models.ngram_features import Keys, keys_of, named_keys

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+")
_NUMBER = "0"
_ENDINGS = ("ings", "ing", "ies", "ied", "edly", "ed", "es", "s", "ly")
_SHORTEST_STEM = 3
_LONG_FORMS = {
    "what's": "what is", "where's": "where is", "how's": "how is", "who's": "who is", "when's": "when is",
    "it's": "it is", "that's": "that is", "let's": "let us", "can't": "can not", "won't": "will not",
    "i'm": "i am", "i've": "i have", "i'd": "i would", "i'll": "i will", "you're": "you are",
}  # fmt: skip
#: Words that are read as their kind: which month it is, or how the seller is asked to show a thing, tells no intent.
_KINDS = {
    "#month": "january february march april june july august september october november december "
    "jan feb mar apr jun jul aug sept sep oct nov dec",
    "#day": "monday tuesday wednesday thursday friday saturday sunday mon tues wed thurs fri sat sun",
    "#when": "today tomorrow yesterday tonight",
    "#card": "visa mastercard amex discover cc",
    "#bank": "chase bofa citi citibank wells capital",
    "#buy": "buy bought purchase purchased order ordered",
    "#lost": "lost lose stolen stole missing misplaced",
    "#cost": "cost costs price prices fee fees charge charged expensive",
    "#song": "song songs track tune music",
    "#quick": "fast faster quick quickly speedier speed",
    "#say": "say tell told talk speak",
    "#show": "show display list see view",
    "#need": "need want wanna gotta require",
    "#help": "help assist assistance",
    "#broken": "broken damaged broke cracked",
    "#make": "make create set start",
    "#remove": "remove delete erase clear",
    "#trip": "trip travel traveling vacation visit",
    "#food": "food meal dish dinner lunch breakfast",
    "#eatery": "restaurant restaurants diner",
    _NUMBER: "one two three four five six seven eight nine ten eleven twelve thirteen fifteen twenty thirty forty "
    "fifty sixty hundred thousand million first second third",
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()}


@lru_cache(maxsize=64)
def wording_keys(text: str) -> Keys:
    """`keys_of` a text, and the marked keys of its English words, pairs of them, and pairs with one word between."""
    words = [shortened(word) for found in _WORD.findall(fold(text)) for word in _LONG_FORMS.get(found, found).split()]
    if not words:
        return keys_of(text)
    names = [f"x:{word}" for word in words] + [f"y:{one} {two}" for one, two in pairwise(words)]
    names += [f"z:{one} {two}" for one, two in zip(words, words[2:], strict=False)]
    keys = np.unique(np.concatenate([keys_of(text), named_keys([*names, f"f:{words[0]}", f"l:{words[-1]}"])]))
    keys.setflags(write=False)
    return keys


def shortened(word: str) -> str:
    """A word in small letters without its ending, or its kind."""
    if word in _KIND_OF:
        return _KIND_OF[word]
    if word.isdigit():
        return _NUMBER
    ending = next((end for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= _SHORTEST_STEM), "")
    stem = word[: len(word) - len(ending)]
    if len(stem) > _SHORTEST_STEM and stem[-1] == stem[-2] and stem[-1] not in "ls":
        stem = stem[:-1]
    if len(stem) > _SHORTEST_STEM and stem[-1] in "ey":
        stem = stem[:-1]
    return stem
