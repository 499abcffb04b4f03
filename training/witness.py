"""Trains an encoder that never saw half of the questions, so that finding can be fitted on questions it does not know.

`python -m training.witness --data DIR --out FOLDER`: the recipe of `training/encoder.py`, less what is held out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

from training import sources, weights_out

#: Public sets of which every question is held out, and those of which half are.
WHOLLY = ("faq_tech_zh", "egret_wenda")
HALF = "faq_medical_zh"


def is_held_out(key: str) -> bool:
    """Whether the witness never saw the question (or the author) `key`."""
    return zlib.crc32(key.encode()) % 2 == 0


def main() -> None:
    """Copies the corpus and the public sets without what is held out, and trains on that."""
    from training import encoder  # noqa: PLC0415 - it needs torch, which those who only ask what is held out have not

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        corpus, data = Path(kept, "corpus"), Path(kept, "data")
        _copy(sources.CORPUS, corpus, "groups.jsonl", lambda row: is_held_out(str(row["author"])))
        for folder in filter(lambda path: is_held_out(path.name), (corpus / "faq_bases").iterdir()):
            shutil.rmtree(folder)
        for folder in sorted(path for path in options.data.iterdir() if path.is_dir() and path.name not in WHOLLY):
            if folder.name == HALF:
                _copy(folder, data / HALF, "qa.dev.jsonl.gz", lambda row: is_held_out(str(row["ask"])))
            else:
                (data / folder.name).parent.mkdir(exist_ok=True)
                (data / folder.name).symlink_to(folder)
        sources.CORPUS = corpus
        setattr(weights_out, "SHIPPED", options.out)  # noqa: B010 - it names where another module keeps what ships
        options.out.mkdir(parents=True, exist_ok=True)
        sys.argv = [sys.argv[0], "--data", str(data)]
        encoder.main()


def _copy(source: Path, target: Path, name: str, leaves_out: Callable[[sources.Row], bool]) -> None:
    shutil.copytree(source, target)
    rows = [row for row in sources.read_rows(target / name) if not leaves_out(row)]
    path = target / name
    path.unlink()
    # The readers tell packed files by their names.
    packed = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(packed) if path.suffix == ".gz" else packed)


if __name__ == "__main__":
    main()
