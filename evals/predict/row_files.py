"""Rows from JSON-lines files and back, plain or gzip; errors name the file and the line."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, cast

import orjson

from conversation.errors import HuiyingError

Row = dict[str, Any]


class BadRows(HuiyingError):
    """A file of rows cannot be read or written; the text names the place and the cure."""


def read_rows(path: Path) -> list[Row]:
    """All rows of a file; blank lines are passed over. Raises `BadRows`."""
    try:
        content = _content(path)
    except FileNotFoundError:
        raise BadRows(f"{path}: there is no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise BadRows(f"{path}: cannot be read ({error})") from None
    rows: list[Row] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            rows.append(_row(path, number, line))
    return rows


def _content(path: Path) -> bytes:
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as packed:
            return packed.read()
    return path.read_bytes()


def _row(path: Path, number: int, line: bytes) -> Row:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadRows(f"{path}, line {number}: not JSON ({error})") from None
    if not isinstance(row, dict):
        raise BadRows(f"{path}, line {number}: a row must be a JSON object with named fields")
    return row


def text_of(row: Row, field: str = "text") -> str:
    """A field that must hold words; a missing one is an error, null counts as empty. Raises `BadRows`."""
    if field not in row:
        raise BadRows(f"the row has no field `{field}`")
    value = row[field]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRows(f"`{field}` must be text, not {type(value).__name__}")
    return value


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Writes all rows or nothing: beside the target first, then renamed over it. Raises `BadRows`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, passing = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BadRows(f"{path}: cannot be written ({error})") from None
    try:
        with _packed(os.fdopen(descriptor, "wb"), path) as target:
            for row in rows:
                target.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        os.chmod(passing, 0o644)
        os.replace(passing, path)
    except OSError as error:
        raise BadRows(f"{path}: cannot be written ({error})") from None
    finally:
        Path(passing).unlink(missing_ok=True)


def _packed(raw: IO[bytes], path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(raw, "wb")) if path.suffix == ".gz" else raw
