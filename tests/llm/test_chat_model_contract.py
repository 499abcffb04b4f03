"""Every adapter keeps the port's word: a form in time, or `ModelUnavailable` and nothing else."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from agents.answer import AnswerForm
from llm.chat_model import ChatModel, ModelUnavailable, Prompt
from llm.configured_model import Endpoint, configured_model
from llm.fallback_model import FallbackModel
from llm.form import FormMethod
from llm.openai_model import OpenAIModel
from llm.scripted_model import ScriptedModel
from tests.llm.endpoint import GOOD, Reply, endpoint

PROMPT = Prompt("只依据资料回答。", "怎么退款？", "answer@1")
BAD_SHAPE = Reply(fields={"reply": "没有要求的字段"})
BABBLE = Reply(text="好的，我来回答：请在订单页申请。")
TROUBLE = {
    "an empty answer": Reply(text=""),
    "words instead of a form": BABBLE,
    "a form of another shape": BAD_SHAPE,
    "broken JSON": Reply(text='{"can_answer": tru'),
    "a body that is no JSON": Reply(body=b"<html>gateway</html>"),
    "a body of another shape": Reply(body=b'{"object": "list", "data": []}'),
    "no choices": Reply(body=b'{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[]}'),
    "null choices": Reply(body=b'{"id":"1","object":"chat.completion","created":1,"model":"m","choices":null}'),
    "a list for a body": Reply(body=b"[1, 2]"),
    "400": Reply(status=400, body=b'{"error":{"message":"no"}}'),
    "401": Reply(status=401, body=b'{"error":{"message":"key"}}'),
    "404": Reply(status=404, body=b"not here"),
    "429": Reply(status=429, body=b'{"error":{"message":"slow down"}}'),
    "500": Reply(status=500, body=b"oops"),
    "503 that asks for patience": Reply(status=503, headers="retry-after: 3600\r\n", body=b"{}"),
    "a hanging endpoint": Reply(delay_s=30),
    "a dropped connection": Reply(hangs_up=True),
}


@asynccontextmanager
async def openai_model(url: str, method: FormMethod = FormMethod.FUNCTION_CALLING) -> AsyncIterator[OpenAIModel]:
    model = OpenAIModel(base_url=url, api_key="k", model="m", clock=time.monotonic, method=method)
    try:
        yield model
    finally:
        await model.close()


@pytest.mark.parametrize("method", list(FormMethod))
async def test_a_form_is_filled_by_every_method_and_its_cost_is_known(method: FormMethod) -> None:
    async with endpoint(GOOD) as stage, openai_model(stage.url, method) as model:
        completion = await model.fill(PROMPT, AnswerForm, budget_s=5)
    assert completion.value == AnswerForm(can_answer=True, answer="七天内可退", citations=[1])
    assert (completion.usage.calls, completion.usage.prompt_tokens, completion.usage.completion_tokens) == (1, 120, 30)
    sent = stage.requests[0]
    asked = {"function_calling": "tools", "json_schema": "response_format", "json_mode": "response_format"}[method]
    assert asked in sent
    assert sent["messages"][1]["content"] == "怎么退款？"
    assert sent["max_tokens"] == 800


async def test_json_mode_tells_the_model_the_schema_in_words() -> None:
    async with endpoint(GOOD) as stage, openai_model(stage.url, FormMethod.JSON_MODE) as model:
        await model.fill(PROMPT, AnswerForm, budget_s=5)
    assert "JSON Schema" in stage.requests[0]["messages"][0]["content"]
    assert '"can_answer"' in stage.requests[0]["messages"][0]["content"]


@pytest.mark.parametrize("method", list(FormMethod))
@pytest.mark.parametrize("trouble", TROUBLE, ids=str)
async def test_nothing_but_model_unavailable_ever_escapes(method: FormMethod, trouble: str) -> None:
    async with endpoint(TROUBLE[trouble]) as stage, openai_model(stage.url, method) as model:
        started = time.monotonic()
        with pytest.raises(ModelUnavailable) as refused:
            await model.fill(PROMPT, AnswerForm, budget_s=0.7)
        assert time.monotonic() - started < 2.5
        assert 1 <= refused.value.usage.calls <= 2
        assert len(stage.requests) <= 2


async def test_a_refused_connection_is_unavailable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with openai_model(f"http://127.0.0.1:{port}/v1") as model:
        with pytest.raises(ModelUnavailable):
            await model.fill(PROMPT, AnswerForm, budget_s=2)


@pytest.mark.parametrize("first", [BABBLE, BAD_SHAPE, Reply(text='{"can_answer": tru')])
async def test_a_malformed_answer_gets_one_repair_try(first: Reply) -> None:
    async with endpoint(first, GOOD) as stage, openai_model(stage.url, FormMethod.JSON_MODE) as model:
        completion = await model.fill(PROMPT, AnswerForm, budget_s=5)
    assert completion.value.can_answer
    assert completion.usage.calls == 2
    assert completion.usage.prompt_tokens == 240
    assert "格式不对" in stage.requests[1]["messages"][-1]["content"]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_endpoint_gets_one_retry_while_the_budget_lasts(status: int) -> None:
    busy = Reply(status=status, body=b"{}")
    async with endpoint(busy, GOOD) as stage, openai_model(stage.url) as model:
        completion = await model.fill(PROMPT, AnswerForm, budget_s=5)
    assert completion.value.can_answer
    assert len(stage.requests) == 2


async def test_patience_that_the_budget_has_not_is_not_shown() -> None:
    busy = Reply(status=429, headers="retry-after: 20\r\n", body=b"{}")
    async with endpoint(busy, GOOD) as stage, openai_model(stage.url) as model:
        with pytest.raises(ModelUnavailable):
            await model.fill(PROMPT, AnswerForm, budget_s=5)
    assert len(stage.requests) == 1


async def test_a_wrong_key_is_not_tried_twice() -> None:
    async with endpoint(TROUBLE["401"]) as stage, openai_model(stage.url) as model:
        with pytest.raises(ModelUnavailable):
            await model.fill(PROMPT, AnswerForm, budget_s=5)
    assert len(stage.requests) == 1


async def test_text_with_the_form_in_it_is_read_where_a_model_ignores_the_tool() -> None:
    fenced = Reply(text='当然：\n```json\n{"can_answer": true, "answer": "可以", "citations": [1]}\n```')
    async with endpoint(fenced) as stage, openai_model(stage.url) as model:
        completion = await model.fill(PROMPT, AnswerForm, budget_s=5)
    assert completion.value.answer == "可以"


async def test_being_cancelled_is_passed_on() -> None:
    async with endpoint(Reply(delay_s=30)) as stage, openai_model(stage.url) as model:
        task = asyncio.create_task(model.fill(PROMPT, AnswerForm, budget_s=20))
        await stage.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_without_endpoints_there_is_no_model() -> None:
    assert configured_model([]) is None


async def test_the_second_endpoint_answers_when_the_first_is_broken() -> None:
    async with endpoint(Reply(status=500, body=b"{}")) as broken, endpoint(GOOD) as well:
        model = configured_model([Endpoint(broken.url, "a"), Endpoint(well.url, "b", method=FormMethod.JSON_SCHEMA)])
        assert model is not None
        completion = await model.fill(PROMPT, AnswerForm, budget_s=5)
        await model.close()
    assert completion.value.can_answer
    assert completion.usage.calls == 3  # two vain ones are paid for, too


async def test_a_hanging_first_endpoint_leaves_time_for_the_second() -> None:
    async with endpoint(Reply(delay_s=30)) as hanging, endpoint(GOOD) as well:
        model = configured_model([Endpoint(hanging.url, "a"), Endpoint(well.url, "b")])
        assert model is not None
        started = time.monotonic()
        completion = await model.fill(PROMPT, AnswerForm, budget_s=2)
        await model.close()
    assert completion.value.can_answer
    assert time.monotonic() - started < 2


async def forever(prompt: Prompt, shape: object) -> dict[str, object]:
    await asyncio.Event().wait()
    return {}


ADAPTERS: dict[str, Callable[[], ChatModel]] = {
    "scripted, out of lines": lambda: ScriptedModel([]),
    "scripted, malformed": lambda: ScriptedModel(["not JSON", {"answer": 3}]),
    "scripted, hanging": lambda: ScriptedModel(forever),
    "fallback of none": lambda: FallbackModel([], clock=time.monotonic),
    "fallback of broken ones": lambda: FallbackModel([ScriptedModel([]), ScriptedModel(forever)], clock=time.monotonic),
}


@pytest.mark.parametrize("name", ADAPTERS)
async def test_the_other_adapters_keep_the_same_word(name: str) -> None:
    with pytest.raises(ModelUnavailable):
        await ADAPTERS[name]().fill(PROMPT, AnswerForm, budget_s=0.1)


FILLED = {"can_answer": True, "answer": "可以", "citations": [1]}
ANSWERING: dict[str, Callable[[], ChatModel]] = {
    "fields": lambda: ScriptedModel([FILLED]),
    "a form": lambda: ScriptedModel([AnswerForm(**FILLED)]),
    "a repaired one": lambda: ScriptedModel(["not JSON", FILLED]),
    "a function": lambda: ScriptedModel(lambda prompt, shape: FILLED),
    "a fallback": lambda: FallbackModel([ScriptedModel([]), ScriptedModel([FILLED])], clock=time.monotonic),
}


@pytest.mark.parametrize("name", ANSWERING)
async def test_the_other_adapters_fill_forms(name: str) -> None:
    completion = await ANSWERING[name]().fill(PROMPT, AnswerForm, budget_s=1)
    assert completion.value.answer == "可以"
    assert completion.usage.calls >= 1


async def test_an_async_script_is_awaited() -> None:
    async def script(prompt: Prompt, shape: object) -> dict[str, object]:
        await asyncio.sleep(0)
        return dict(FILLED)

    model = ScriptedModel(script)
    waited: Awaitable[object] = model.fill(PROMPT, AnswerForm, budget_s=1)
    await waited
    assert model.asked == [PROMPT]
