"""What the language model's double answers: it fills the asked-for form the way a well-behaved model would.

It decides from the last user message alone; it knows nothing of the product.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: Twenty short customer messages with the matter of each, used for measuring.
MESSAGES: tuple[tuple[str, str], ...] = (
    ("order_status", "你好，我的订单20260318001到哪了？"),
    ("order_status", "快递三天没更新物流了，帮我查一下"),
    ("order_status", "订单显示已发货，什么时候能到上海？"),
    ("refund", "我想退款，东西不想要了"),
    ("refund", "退款申请五天了钱还没到账"),
    ("refund", "收到的杯子是碎的，能退货吗"),
    ("complaint", "你们客服态度太差了，我要投诉！"),
    ("complaint", "等了一个小时没人理，太气人了"),
    ("how_to", "怎么修改收货地址？"),
    ("how_to", "发票怎么开，支持专票吗"),
    ("how_to", "会员积分怎么兑换优惠券"),
    ("how_to", "这款耳机如何连接两台手机？"),
    ("chitchat", "在吗"),
    ("chitchat", "谢谢，辛苦啦"),
    ("chitchat", "今天天气不错呀"),
    ("human", "转人工"),
    ("human", "我不想跟机器人聊，叫真人客服来"),
    ("cancel", "帮我取消刚下的订单"),
    ("cancel", "拍错了，订单取消掉吧"),
    ("ticket", "我的账号登录不上，麻烦报个故障"),
)

_MATTERS: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (name, re.compile(pattern), answer)
    for name, pattern, answer in (
        ("human", r"人工|真人|坐席", "好的，正在为您转接人工客服，请稍候。"),
        (
            "complaint",
            r"投诉|态度|气人|差评",
            "非常抱歉给您带来不好的体验，我已记录您的反馈并升级处理，专员会在2小时内联系您。",
        ),
        ("cancel", r"取消", "您好，订单已为您取消，款项将原路退回。"),
        ("refund", r"退款|退货|退钱|赔", "您好，退款申请已提交，预计1-3个工作日原路退回，请您留意到账通知。"),
        (
            "order_status",
            r"订单|物流|快递|发货|到哪",
            "您好，已为您查询：订单已发货，预计明天18:00前送达，请留意取件短信。",
        ),
        ("ticket", r"故障|登录不上|报修|坏了", "您好，已为您登记故障工单，技术同事会尽快处理并通知您结果。"),
        ("how_to", r"怎么|如何|支持|吗$|？$|\?$", "您好，请在“我的-设置”中找到对应入口，按提示操作即可。"),
    )
)
_SMALL_TALK = "您好，我在的，请问有什么可以帮您？"
_YES = re.compile(r"relevant|safe$|success|resolved|valid|complete|can_answer", re.I)


def estimated_tokens(text: str) -> int:
    """Tokens by the rule CJK / 1.6 + others / 4, which needs no tokenizer."""
    length = len(text)
    cjk = (len(text.encode("utf-8", "surrogatepass")) - length) >> 1
    return int(cjk / 1.6 + (length - cjk) / 4) + 1


def said_about(text: str) -> tuple[str, str]:
    """The matter of a message, and an answer to it."""
    return next(
        ((name, answer) for name, pattern, answer in _MATTERS if pattern.search(text)), ("chitchat", _SMALL_TALK)
    )


def last_user_text(messages: list[dict[str, Any]]) -> str:
    """The newest user message's words."""
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content") or ""
            return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return ""


def completion(request: dict[str, Any]) -> tuple[str | None, list[dict[str, Any]]]:
    """(content, tool calls) for a chat-completions request."""
    text = last_user_text(request.get("messages") or [])
    matter, answer = said_about(text)
    tools = request.get("tools") or []
    if tools and request.get("tool_choice") != "none":
        function = tools[0]["function"]
        arguments = fill(function.get("parameters") or {}, function.get("parameters") or {}, text, "")
        call = {"name": function["name"], "arguments": json.dumps(arguments, ensure_ascii=False)}
        return None, [{"id": "call_1", "type": "function", "function": call}]
    form = request.get("response_format") or {}
    if form.get("type") == "json_schema":
        schema = (form.get("json_schema") or {}).get("schema") or {}
        return json.dumps(fill(schema, schema, text, ""), ensure_ascii=False), []
    if form.get("type") == "json_object":
        return json.dumps({"intent": matter, "answer": answer, "can_answer": True}, ensure_ascii=False), []
    return answer, []


def fill(schema: dict[str, Any], root: dict[str, Any], text: str, field: str) -> Any:
    """A value that fits `schema`; strings named like an answer answer, others repeat the question."""
    if "$ref" in schema:
        node: Any = root
        for part in schema["$ref"].lstrip("#/").split("/"):
            node = node[part]
        return fill(node, root, text, field)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if choices:
        return fill(next((one for one in choices if one.get("type") != "null"), choices[0]), root, text, field)
    return _plain(schema, root, text, field)


def _plain(schema: dict[str, Any], root: dict[str, Any], text: str, field: str) -> Any:
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: fill(inner, root, text, name) for name, inner in (schema.get("properties") or {}).items()}
    if kind == "array":
        count = max(1, int(schema.get("minItems", 1)))
        return [fill(schema.get("items") or {}, root, text, field) for _ in range(count)]
    if kind == "boolean":
        return bool(_YES.search(field))
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if any(name in field.lower() for name in ("answer", "reply", "response", "draft", "summary")):
        return said_about(text)[1]
    return text[:200]
