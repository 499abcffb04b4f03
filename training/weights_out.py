"""Writes shipped weights so that the same arrays give the same bytes, and keeps the manifest true."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.models.weights_folder import MANIFEST, SHIPPED

_TYPES = {"float32": "F32", "float16": "F16", "int8": "I8"}
#: The earliest moment a zip archive can name: a date would make every run another file.
_NO_DATE = (1980, 1, 1, 0, 0, 0)


def write_arrays(name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes a shipped `.npz` and its line in the manifest."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in sorted(arrays):
            one = io.BytesIO()
            np.lib.format.write_array(one, np.ascontiguousarray(arrays[key]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{key}.npy", _NO_DATE), one.getvalue(), zipfile.ZIP_DEFLATED)
    write_bytes(name, packed.getvalue())


def write_safetensors(name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes a shipped safetensors file and its line in the manifest."""
    about: dict[str, Any] = {}
    end = 0
    for key in sorted(arrays):
        begin, end = end, end + arrays[key].nbytes
        about[key] = {
            "dtype": _TYPES[str(arrays[key].dtype)],
            "shape": list(arrays[key].shape),
            "data_offsets": [begin, end],
        }
    header = json.dumps(about, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    body = b"".join(np.ascontiguousarray(arrays[key]).tobytes() for key in sorted(arrays))
    write_bytes(name, len(header).to_bytes(8, "little") + header + body)


def write_bytes(name: str, packed: bytes) -> None:
    """Writes a shipped file and its line in the manifest."""
    path = SHIPPED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed)
    manifest = SHIPPED / MANIFEST
    named: dict[str, str] = json.loads(manifest.read_bytes())["sha256"] if manifest.exists() else {}
    named = {one: digest for one, digest in named.items() if (SHIPPED / one).exists()}
    named[name] = hashlib.sha256(packed).hexdigest()
    manifest.write_text(json.dumps({"sha256": dict(sorted(named.items()))}, indent=1) + "\n", encoding="utf-8")


def write_text(name: str, text: str) -> None:
    """Writes a shipped text file and its line in the manifest."""
    write_bytes(name, text.encode())


def shipped_size() -> int:
    """Bytes of everything that ships."""
    return sum(path.stat().st_size for path in Path(SHIPPED).rglob("*") if path.is_file())
