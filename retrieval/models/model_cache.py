"""Keeps trained models on disk, named by what they were trained from, so that a second start only reads them."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


def trained(name: str, sources: bytes, train: Callable[[], Arrays], cache_dir: Path | None = None) -> Arrays:
    """The arrays that `train` gives, from the cache where it has them.

    `sources` is what the training reads (the examples); other sources, or other code or word lists beside this file,
    make another entry. Without `cache_dir` nothing is kept. Blocks for seconds at first use: call it off the loop. An
    unreadable entry is trained again; a folder that cannot be written is done without.
    """
    if cache_dir is None:
        return train()
    digest = hashlib.sha256(sources + _code_version()).hexdigest()[:20]
    place = cache_dir / f"{name}-{digest}.npz"
    try:
        with np.load(place, allow_pickle=False) as kept:
            return {key: kept[key] for key in kept.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        arrays = train()
    _keep(place, arrays)
    return arrays


def _keep(place: Path, arrays: Arrays) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor, passing = tempfile.mkstemp(dir=place.parent, prefix=place.stem, suffix=".part")
    except OSError:
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.savez(file, **dict(arrays))  # type: ignore[arg-type]
        os.replace(passing, place)
    except OSError:
        Path(passing).unlink(missing_ok=True)


@cache
def _code_version() -> bytes:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.iterdir()):
        if source.suffix in (".py", ".txt"):
            digest.update(source.read_bytes())
    return digest.digest()
