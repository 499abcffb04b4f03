"""Says whether this process alone uses a folder; the claim ends with the process, however it ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO


class FolderLock:
    """A claim on a folder, kept in a file beside it. Where the system has no such locks, every claim is granted."""

    def __init__(self, folder: Path) -> None:
        self._path = folder.with_name(f"{folder.name}.lock")
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Claims the folder; False when another process has it. Claiming twice is no error."""
        if self._file is not None or sys.platform == "win32":
            return True
        import fcntl  # noqa: PLC0415 - not everywhere

        file = self._path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Gives the folder back."""
        if self._file is not None:
            self._file.close()
            self._file = None
