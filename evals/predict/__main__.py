"""`python -m evals.predict TASK --in … --out …`, for use without the installed command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evals.predict import TASKS, PredictOptions, run_predict


def main() -> int:
    """Reads the command line, runs the task, gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m evals.predict", description=__doc__)
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("--in", dest="source", type=Path, required=True)
    parser.add_argument("--out", dest="target", type=Path, required=True)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--oos")
    parser.add_argument("--llm", action="store_true")
    for name in ("kb", "labels", "intents", "tools"):
        parser.add_argument(f"--{name}", type=Path)
    given = parser.parse_args()
    options = PredictOptions(given.kb, given.k, given.labels, given.intents, given.oos, given.tools, given.llm)
    return run_predict(given.task, given.source, given.target, options)


if __name__ == "__main__":
    sys.exit(main())
