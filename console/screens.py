"""What the pages need: handed over once by the wiring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi.templating import Jinja2Templates

from console.words import FILTERS
from playground.stage import Stage
from store.database import Database

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Screens:
    """The pages' sources. `stage` is None where no playground runs; `clock` gives Unix seconds."""

    database: Database
    clock: Callable[[], float]
    stage: Stage | None
    templates: Jinja2Templates


def load_templates() -> Jinja2Templates:
    """The pages' templates; everything a customer wrote is escaped."""
    templates = Jinja2Templates(directory=FOLDER / "templates")
    templates.env.filters.update(FILTERS)
    return templates
