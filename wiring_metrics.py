"""Wires the figures: thin wrappers that count what passes through thinking and sending, so that neither knows of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response

from channels.channel import Channel, Receipt
from conversation.errors import GiveUp, RetryLater
from conversation.findings import Usage
from conversation.messages import OutgoingMessage
from conversation.outcomes import TurnResult
from conversation.turn import Turn
from delivery.turn_worker import Think
from telemetry import Metrics


def counted(think: Think, metrics: Metrics, *, clock: Callable[[], float] = time.perf_counter) -> Think:
    """`think` with every turn counted that came to an outcome. `clock` gives monotonic seconds."""

    async def think_and_count(turn: Turn) -> TurnResult:
        began = clock()
        result = await think(turn)
        metrics.turn_seconds.observe(clock() - began)
        metrics.turns.labels(type(result.outcome).__name__, result.route).inc()
        count_usage(metrics, result.usage)
        return result

    return think_and_count


def count_usage(metrics: Metrics, usage: Usage) -> None:
    """Adds what the language model cost."""
    if usage.calls:
        metrics.model_calls.inc(usage.calls)
        metrics.model_tokens.labels("prompt").inc(usage.prompt_tokens)
        metrics.model_tokens.labels("completion").inc(usage.completion_tokens)


def counted_channels(channels: Mapping[tuple[str, str], Channel], metrics: Metrics) -> dict[tuple[str, str], Channel]:
    """The same channels with every try to send counted, for the mail."""
    return {name: CountedChannel(channel, metrics.sends) for name, channel in channels.items()}


class CountedChannel:
    """A channel whose tries to send are counted as sent, retry, gave_up or unknown; all else is passed on."""

    def __init__(self, channel: Channel, sends: Counter) -> None:
        self._channel = channel
        self.platform, self.account = channel.platform, channel.account
        self.capabilities = channel.capabilities
        self._results = {
            result: sends.labels(channel.platform, result) for result in ("sent", "retry", "gave_up", "unknown")
        }

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`."""
        return await self._channel.receive(request)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`."""
        result = "unknown"
        try:
            receipt = await self._channel.send(message, idempotency_key)
            result = "sent"
        except RetryLater:
            result = "retry"
            raise
        except GiveUp:
            result = "gave_up"
            raise
        finally:
            self._results[result].inc()
        return receipt

    async def close(self) -> None:
        """See `Channel.close`."""
        await self._channel.close()
