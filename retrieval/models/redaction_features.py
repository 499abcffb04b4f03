"""Turns a line into hashed features, one column per character, for the redaction tagger; vectorised, numpy alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from conversation.personal_spans import PersonalKind, PersonalSpan
from retrieval.models import redaction_templates as sign
from retrieval.models.redaction_templates import TEMPLATES
from retrieval.models.redaction_words import LABELS, Word, character_kinds, known_words

#: The weights have 2**BITS rows.
BITS = 15
#: The table of common pairs has 2**PAIR_BITS cells, each 0 (rare) to 3.
PAIR_BITS = 17
KINDS: tuple[PersonalKind, ...] = tuple(PersonalKind)

_KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
_WORDS = known_words()
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_SHAPE = {**dict.fromkeys(map(ord, "0123456789"), "0"), **dict.fromkeys(map(ord, "abcdefghijklmnopqrstuvwxyz"), "a")}
#: Runs of Latin letters and digits; the long ones and those with digits lose their letters, so none is learnt by heart.
_RUN = re.compile(r"[a-z0-9][a-z0-9_@.+*#/-]*")
_DIGITS = re.compile(r"\d(?:[-\s./*。]?\d)*")
_SPOKEN = re.compile(
    r"[零〇一二三四五六七八九幺两壹贰叁肆伍陆柒捌玖0-9](?:[-\s]?[零〇一二三四五六七八九幺两壹贰叁肆伍陆柒捌玖0-9]){5,}"
)
_LEARNT_RUN = 3
_LEFT_REACH = 14


def _code_table() -> NDArray[np.uint64]:
    """The kind of every character of the basic plane: 6 bits of lists, then its script."""
    table = np.zeros(0x10000, dtype=np.uint64)
    table[0x4E00:0xA000] = 1 << 6
    table[ord("0") : ord("9") + 1] = 2 << 6
    table[ord("a") : ord("z") + 1] = 3 << 6
    table[[ord(char) for char in " \t\n"]] = 4 << 6
    table[[ord(char) for char in "，,、；;"]] = 5 << 6
    table[[ord(char) for char in "。.！!？?…~"]] = 6 << 6
    table[[ord(char) for char in "：:="]] = 7 << 6
    table[[ord(char) for char in "（）()[]【】“”\"'《》"]] = 8 << 6
    table[[ord(char) for char in "-_/·#*+@"]] = 9 << 6
    for char, bits in character_kinds().items():
        table[ord(char)] |= np.uint64(bits)
    return table


_TABLE = _code_table()
_PAD = 4
#: The first template that has a first, a second, a third cell.
_FIRST_WITH = [next(n for n, cells in enumerate(TEMPLATES) if len(cells) > part) for part in range(3)]


def _pairs() -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint64]]:
    """For each template the rows and offsets of its cells and a multiplier each."""
    rows = np.zeros((3, len(TEMPLATES), 1), dtype=np.intp)
    offsets = np.zeros((3, len(TEMPLATES), 1), dtype=np.intp)
    factors = np.zeros((4, len(TEMPLATES), 1), dtype=np.uint64)
    seed = 0x9E3779B97F4A7C15
    for number, cells in enumerate(TEMPLATES):
        for part, (row, offset) in enumerate(cells):
            rows[part, number], offsets[part, number] = row, _PAD + offset
        for part in [*range(len(cells)), 3]:
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
            factors[part, number] = seed | 1
    return rows, offsets, factors


_ROWS, _OFFSETS, _FACTORS = _pairs()
_MIX = np.uint64(0xD6E8FEB86659FD93)


def pair_rows(codes: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Where each pair of neighbouring characters stands in the table of common pairs; one fewer than `codes`."""
    mixed = (codes[:-1] * _FACTORS[0, 0, 0] + codes[1:] * _FACTORS[3, 0, 0]) * _MIX
    rows: NDArray[np.intp] = (mixed >> np.uint64(64 - PAIR_BITS)).astype(np.intp)
    return rows


def line_features(text: str, told: Sequence[PersonalSpan], pairs: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The rows of the weights that speak for each character of `text`: shape (templates, characters).

    `told` is what the rules found; the tagger weighs it like any other sign. `pairs` tells how common pairs are.
    """
    source = _source(text, told)
    codes = source[sign.CHAR, _PAD : _PAD + len(text)]
    source[sign.TALK, _PAD : _PAD + len(text) - 1] = pairs[pair_rows(codes)] + np.uint8(1)
    at = np.arange(len(text))
    mixed = np.broadcast_to(_FACTORS[3], (len(TEMPLATES), len(text))).copy()
    for part, first in enumerate(_FIRST_WITH):
        mixed[first:] += source[_ROWS[part, first:], _OFFSETS[part, first:] + at] * _FACTORS[part, first:]
    mixed ^= mixed >> np.uint64(32)
    mixed *= _MIX
    rows: NDArray[np.intp] = (mixed >> np.uint64(64 - BITS)).astype(np.intp)
    return rows


def _source(text: str, told: Sequence[PersonalSpan]) -> NDArray[np.uint64]:
    lower = text.translate(_LOWER)
    size = len(lower)
    runs, counts, shaped = [0] * size, [0] * size, lower
    pieces: list[str] = []
    done = 0
    for match in _RUN.finditer(lower):
        run, start, end = match.group(), match.start(), match.end()
        runs[start:end] = [_run_kind(run)] * (end - start)
        if end - start > _LEARNT_RUN or any(char.isdigit() for char in run):
            pieces += [lower[done:start], run.translate(_SHAPE)]
            done = end
    shaped = "".join([*pieces, lower[done:]])
    for pattern, shift in ((_SPOKEN, 32), (_DIGITS, 0)):
        for match in pattern.finditer(lower):
            digits = sum(char.isalnum() for char in match.group())
            mobile = 64 if match.group()[:1] in "1一幺壹" else 0
            counts[match.start() : match.end()] = [min(digits, 20) + shift + mobile] * len(match.group())
    words, left, right = _words(lower)
    codes = np.frombuffer(shaped.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    source = np.zeros((10, size + 2 * _PAD), dtype=np.uint64)
    inner = source[:, _PAD : _PAD + size]
    inner[sign.CHAR] = codes
    inner[sign.KIND] = _TABLE[np.minimum(codes, np.uint64(0xFFFF)).astype(np.intp)] + np.uint64(1)
    inner[sign.WORD], inner[sign.RUNS], inner[sign.COUNT] = words, runs, counts
    inner[sign.RULE] = _rules(size, told)
    inner[sign.LEFT], inner[sign.RIGHT] = left, right
    inner[sign.PLACE] = 3
    inner[sign.PLACE, :2] = (1, 2)[:size]
    inner[sign.PLACE, -1:] += np.uint64(4)
    return source


def _run_kind(run: str) -> int:
    digits = sum(char.isdigit() for char in run)
    letters = sum(char.isalpha() for char in run)
    length = min(len(run), 8) if len(run) <= 8 else 9 + (len(run) > 11) + (len(run) > 15) + (len(run) > 20)
    mix = (digits > 0) + 2 * (letters > 0) + 4 * ("_" in run) + 8 * ("-" in run) + 16 * ("." in run) + 32 * ("@" in run)
    return 1 + length + 16 * mix + 1024 * run[0].isdigit() + 2048 * (digits > letters)


def _rules(size: int, told: Sequence[PersonalSpan]) -> list[int]:
    row = [0] * size
    for span in told:
        number = 2 + 2 * _KIND_NUMBERS[span.kind]
        row[span.start] = number
        row[span.start + 1 : span.end] = [number + 1] * (span.end - span.start - 1)
    return row


def _words(lower: str) -> tuple[list[int], list[int], list[int]]:
    """Known words (twice their number at the first character, one more inside), and the labels to both sides."""
    size = len(lower)
    words, left, right = [0] * size, [0] * size, [0] * size
    at = label = last = behind = 0
    while at < size:
        for word, kind in _WORDS.get(lower[at], ()):
            if lower.startswith(word, at) and not _inside_latin(lower, at, at + len(word)):
                length = len(word)
                words[at] = 2 * kind
                words[at + 1 : at + length] = [2 * kind + 1] * (length - 1)
                if kind in LABELS or kind is Word.TITLE:
                    right[behind:at] = [kind * 4 + (at - near > 1) + (at - near > 5) for near in range(behind, at)]
                    behind = at
                if label:
                    left[at : at + length] = [_near(label, at - last)] * length
                if kind in LABELS:
                    label, last = kind, at + length
                at += length
                break
        else:
            if label:
                left[at] = _near(label, at - last)
            at += 1
    return words, left, right


def _inside_latin(lower: str, start: int, end: int) -> bool:
    """True for `id` in `midi` and `v` in `v2`, which are no words."""
    first, last = lower[start], lower[end - 1]
    before, after = lower[start - 1 : start], lower[end : end + 1]
    return (first.isascii() and first.isalpha() and before.isascii() and before.isalpha()) or (
        last.isascii() and last.isalpha() and after.isascii() and after.isalpha()
    )


def _near(label: int, distance: int) -> int:
    return label * 4 + (distance > 1) + (distance > 4) if distance <= _LEFT_REACH else 3
