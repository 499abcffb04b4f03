"""Logs, metrics and spans: structured lines with ids bound, Prometheus counters, OpenTelemetry where it is set up."""

from __future__ import annotations

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

#: Seconds; a turn without a model takes milliseconds, one with a slow model takes seconds.
TURN_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """What operators watch, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.webhooks = Counter(
            "huiying_webhooks",
            "Webhook calls by channel and answer status",
            ["channel", "status"],
            registry=self.registry,
        )
        self.turns = Counter(
            "huiying_turns",
            "Turns thought to their end, by outcome and route",
            ["outcome", "route"],
            registry=self.registry,
        )
        self.turn_seconds = Histogram(
            "huiying_turn_seconds", "Seconds of thought over a turn", registry=self.registry, buckets=TURN_BUCKETS
        )
        self.model_calls = Counter("huiying_model_calls", "Language model calls of turns", registry=self.registry)
        self.model_tokens = Counter(
            "huiying_model_tokens", "Language model tokens of turns", ["direction"], registry=self.registry
        )
        self.sends = Counter(
            "huiying_sends", "Tries to send by channel and result", ["channel", "result"], registry=self.registry
        )
        self.waiting = Gauge("huiying_waiting", "Rows that wait, by queue", ["queue"], registry=self.registry)


def configure_logging(*, level: str = "INFO", json_lines: bool | None = None) -> None:
    """Sends every log line to stderr: JSON lines, or readable ones when stderr is a terminal."""
    as_json = not sys.stderr.isatty() if json_lines is None else json_lines
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
