"""Several models behind one port: the first that is well answers, the next one steps in when it fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conversation.findings import Usage
from llm.chat_model import ChatModel, Completion, ModelUnavailable, Prompt, Shape
from llm.circuit_breaker import CircuitBreaker

#: What a model may use of the time that is left while another one waits behind it.
SHARE = 0.6


class FallbackModel:
    """Asks `models` in order, each behind its own circuit breaker, within one budget.

    A model that is not the last gets 60 % of what is left, so that a hanging one leaves time for the next.
    """

    def __init__(
        self,
        models: Sequence[ChatModel],
        *,
        clock: Callable[[], float],
        open_after: int = 5,
        open_s: float = 30.0,
    ) -> None:
        self._clock = clock
        self._line = [(model, CircuitBreaker(clock, open_after, open_s)) for model in models]

    async def fill(self, prompt: Prompt, shape: type[Shape], *, budget_s: float) -> Completion[Shape]:
        """See `llm.chat_model.ChatModel.fill`; `ModelUnavailable` at once when every breaker is open."""
        deadline = self._clock() + budget_s
        spent = Usage()
        reasons: list[str] = []
        ready = [pair for pair in self._line if pair[1].ready]
        for place, (model, breaker) in enumerate(ready, start=1):
            left = deadline - self._clock()
            if left <= 0 or not breaker.enter():
                continue
            share = left if place == len(ready) else left * SHARE
            try:
                completion = await _through(breaker, model, prompt, shape, share)
            except ModelUnavailable as error:
                spent += error.usage
                reasons.append(str(error))
                continue
            return Completion(completion.value, spent + completion.usage)
        raise ModelUnavailable("; ".join(reasons) or "all models rest after failures", spent)


async def _through(
    breaker: CircuitBreaker, model: ChatModel, prompt: Prompt, shape: type[Shape], budget_s: float
) -> Completion[Shape]:
    settled = False
    try:
        completion = await model.fill(prompt, shape, budget_s=budget_s)
        breaker.succeeded()
        settled = True
        return completion
    except ModelUnavailable:
        breaker.failed()
        settled = True
        raise
    finally:
        if not settled:
            breaker.left()
