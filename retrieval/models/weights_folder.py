"""The trained weights that ship with a release: read by numpy, each file checked against the manifest.

`training/` writes the folder; nothing else does.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversation.errors import HuiyingError

SHIPPED = Path(__file__).with_name("weights")
MANIFEST = "manifest.json"
#: Of the types that safetensors knows, those that our models are stored in.
_TYPES = {"F32": "<f4", "F16": "<f2", "I8": "|i1", "I32": "<i4", "U32": "<u4"}

Arrays = dict[str, NDArray[Any]]


class DamagedModel(HuiyingError):
    """A model file is missing or is not what was shipped: put it back, by a new install or `make train`."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"model file {path}: {why}; install Huiying again, or make it anew with `make train`")
        self.path = path


def read_safetensors(path: Path) -> Arrays:
    """The arrays in a safetensors file (huggingface.co/docs/safetensors: a length, a JSON header, the bytes).

    Raises `DamagedModel`.
    """
    packed = _bytes(path)
    try:
        end = 8 + int.from_bytes(packed[:8], "little")
        header: dict[str, Any] = json.loads(packed[8:end])
        return {name: _array(packed, end, about) for name, about in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DamagedModel(path, f"not a safetensors file ({problem})") from problem


def _array(packed: bytes, start: int, about: dict[str, Any]) -> NDArray[Any]:
    begin, end = about["data_offsets"]
    kind = np.dtype(_TYPES[about["dtype"]])
    return np.frombuffer(packed[start + begin : start + end], kind).reshape(about["shape"])


def read_arrays(name: str) -> Arrays:
    """The arrays of a shipped `.npz` file, checked. Raises `DamagedModel`."""
    checked(name)
    path = SHIPPED / name
    try:
        with np.load(path, allow_pickle=False) as kept:
            return {key: kept[key] for key in kept.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
        raise DamagedModel(path, str(problem)) from problem


def checked(*names: str) -> str:
    """One digest (hex) over shipped files that are as the manifest says. Raises `DamagedModel` for one that is not."""
    whole = hashlib.sha256()
    for name in names:
        digest = hashlib.sha256(_bytes(SHIPPED / name)).hexdigest()
        wanted = _manifest().get(name)
        if wanted is None:
            raise DamagedModel(SHIPPED / MANIFEST, f"it does not name {name}")
        if digest != wanted:
            raise DamagedModel(SHIPPED / name, "its content is not what was shipped")
        whole.update(digest.encode())
    return whole.hexdigest()


@lru_cache(maxsize=1)
def _manifest() -> dict[str, str]:
    path = SHIPPED / MANIFEST
    try:
        named: dict[str, str] = json.loads(_bytes(path))["sha256"]
    except (ValueError, KeyError, TypeError) as problem:
        raise DamagedModel(path, f"not a manifest ({problem})") from problem
    return named


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise DamagedModel(path, problem.strerror or str(problem)) from problem
