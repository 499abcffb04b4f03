"""What a prediction is given, and what all tasks share: the settings, the kinds of functions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.predict.row_files import Row
from settings import Llm, Settings
from settings_file import load_settings


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """The options of the command. `kb`: a file of rows or a folder of documents; `labels`: a room's own history;
    `intents`, `oos`: a deployer's labelled intents and the label for none of them; `llm`: a model may take part."""

    kb: Path | None = None
    k: int = 10
    labels: Path | None = None
    intents: Path | None = None
    oos: str | None = None
    tools: Path | None = None
    llm: bool = False
    settings: Settings | None = None

    def resolved(self) -> Settings:
        """The settings in force; without `llm` no language model is configured. Raises `BadSettings`."""
        settings = self.settings or load_settings()
        return settings if self.llm else settings.model_copy(update={"llm": Llm()})


#: From an input row to the columns that the output row adds.
Judge = Callable[[Row], dict[str, Any]]
#: Loads what a task needs; what must be closed afterwards goes on the stack. Raises `HuiyingError` in words.
Prepare = Callable[[PredictOptions, ExitStack], Judge]


def chance(value: float) -> float:
    """A chance as it is written: six digits, never outside 0–1."""
    return round(min(1.0, max(0.0, float(value))), 6)
