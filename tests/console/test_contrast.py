"""Colours can be read: every pair of ink and ground that the pages use has a contrast of at least 4.5 to 1."""

from __future__ import annotations

import re

import pytest

from console.assets import FOLDER

CSS = (FOLDER / "static" / "huiying.css").read_text(encoding="utf-8")
GROUNDS = ("ground", "paper")
MEANINGS = ("accent", "green", "amber", "red", "orange", "plum", "teal", "bot", "staff")
PAIRS = [
    *((ink, ground) for ink in ("ink", "ink-2", *MEANINGS) for ground in GROUNDS),
    *((ink, soft) for ink in ("ink", "ink-2") for soft in ("bot-soft", "staff-soft", "accent-soft")),
    ("bot", "bot-soft"),
    ("staff", "staff-soft"),
    ("accent", "accent-soft"),
    ("accent-ink", "accent"),
    ("paper", "ink"),
    ("paper", "amber"),
]
BORDERS = [("edge", "paper"), ("edge", "ground"), ("accent", "paper"), ("accent", "ground")]


def tokens(theme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    named = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return named if theme == "light" else named | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark))


def luminance(colour: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[place : place + 2], 16) / 255) for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_words_can_be_read(theme: str, ink: str, ground: str) -> None:
    colours = tokens(theme)
    assert contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), BORDERS)
def test_fields_and_focus_can_be_seen(theme: str, edge: str, ground: str) -> None:
    colours = tokens(theme)
    assert contrast(colours[edge], colours[ground]) >= 3


def test_colours_are_named_once() -> None:
    after_tokens = CSS.split("/* Ground */")[1]
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", after_tokens) == []
