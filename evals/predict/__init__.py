"""`huiying predict`: the shipped models and the retriever in batch; one module per group of tasks."""

from __future__ import annotations

from evals.predict.options import PredictOptions
from evals.predict.running import TASKS, run_predict

__all__ = ["TASKS", "PredictOptions", "run_predict"]
