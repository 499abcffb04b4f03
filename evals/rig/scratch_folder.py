"""A data folder that is forgotten afterwards; only the trained local models are kept, for training takes seconds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Where `huiying serve` keeps its models too; their names tell what they were trained from.
MODELS = Path(__file__).resolve().parents[2] / "var" / "models"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for one service."""
    with tempfile.TemporaryDirectory(prefix="huiying-eval-", ignore_cleanup_errors=True) as name:
        MODELS.mkdir(parents=True, exist_ok=True)
        (Path(name) / "models").symlink_to(MODELS, target_is_directory=True)
        yield Path(name)
