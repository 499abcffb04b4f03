"""The doctor's look at the channels: keys, credentials, and whether the platform can reach us."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from typing import Any

import httpx

from commands.doctor_accounts import account_findings
from commands.doctor_finding import Finding, bad, doubtful, good
from settings import Helpdesk, Settings
from settings_channels import Feishu, WecomBot


async def channel_findings(settings: Settings, client: httpx.AsyncClient) -> AsyncIterator[Finding]:
    """Findings about every channel, the staff group and the helpdesk."""
    if not settings.channels:
        yield doubtful("channels", "none configured: only the playground can be used. See docs/configuration.md")
        return
    tokens: dict[str, str] = {}
    for channel in settings.channels:
        if channel.kind == "wecom_bot":
            yield _wecom(channel)
        elif channel.kind == "feishu":
            finding, tokens[channel.account] = await _feishu(channel, client)
            yield finding
        else:
            async for found in account_findings(channel, client):
                yield found
        if channel.kind != "group_webhook" and getattr(channel, "mode", "webhook") == "webhook":
            yield _callback(settings, channel.kind, channel.account)
    async for finding in _desk(settings, client, tokens):
        yield finding


def _wecom(channel: WecomBot) -> Finding:
    name = f"wecom_bot/{channel.account}"
    if channel.mode == "long_connection":
        return good(name, "bot_id and secret are set; whether the platform takes them is seen in the log at start")
    try:
        whole = len(base64.b64decode(channel.encoding_aes_key + "=")) == 32
    except binascii.Error:
        whole = False
    if not whole:
        return bad(name, "encoding_aes_key is not the 43 characters shown under 智能机器人 > 接收消息: copy it again")
    if not channel.bot_id:
        return doubtful(name, "bot_id is not set: events of other bots could not be told apart")
    return good(name, f"keys are well formed; in a group, customers write @{channel.bot_name}")


async def _feishu(channel: Feishu, client: httpx.AsyncClient) -> tuple[Finding, str]:
    name = f"feishu/{channel.account}"
    address = f"{channel.domain.rstrip('/')}/open-apis/auth/v3/tenant_access_token/internal"
    try:
        body = {"app_id": channel.app_id, "app_secret": channel.app_secret}
        answer = (await client.post(address, json=body)).json()
    except (httpx.HTTPError, ValueError) as error:
        return bad(name, f"{channel.domain} does not answer ({type(error).__name__}): check `domain`"), ""
    token = str(answer.get("tenant_access_token", ""))
    if not token:
        code = answer.get("code")
        return bad(name, f"Feishu refuses the credentials (code {code}): compare app_id and app_secret"), ""
    if not channel.encrypt_key:
        return doubtful(name, "works, but events come unsigned: set encrypt_key on both sides"), token
    return good(name, "credentials work, events are signed and encrypted"), token


def _callback(settings: Settings, kind: str, account: str) -> Finding:
    path = f"/channels/{kind}/{account}"
    if not settings.public_url:
        return doubtful(f"{kind}/{account} callback", f"set public_url: the platform must reach https://…{path}")
    if not settings.public_url.startswith("https://"):
        return doubtful(f"{kind}/{account} callback", f"{settings.public_url} is not https; platforms may refuse it")
    return good(f"{kind}/{account} callback", f"enter {settings.public_url.rstrip('/')}{path} on the platform")


async def _desk(settings: Settings, client: httpx.AsyncClient, tokens: dict[str, str]) -> AsyncIterator[Finding]:
    desk = settings.desk
    if not desk.staff_chat_id:
        yield doubtful("staff group", "desk.staff_chat_id is not set: escalations are seen in the console only")
        return
    channel = next(one for one in settings.channels if one.kind == "feishu" and one.account == desk.feishu_account)
    token = tokens.get(desk.feishu_account, "")
    if not token:
        return
    headers = {"Authorization": f"Bearer {token}"}
    chat = f"{channel.domain.rstrip('/')}/open-apis/im/v1/chats/{desk.staff_chat_id}"
    answer = await _get(client, chat, headers)
    if answer.get("code") == 0:
        yield good("staff group", str(answer.get("data", {}).get("name", desk.staff_chat_id)))
    else:
        yield bad("staff group", f"Feishu answers code {answer.get('code')}: add the bot to the group, or mend its id")
    if desk.helpdesk is not None:
        yield await _helpdesk(channel, desk.helpdesk, headers, client)


async def _helpdesk(channel: Feishu, helpdesk: Helpdesk, headers: dict[str, str], client: httpx.AsyncClient) -> Finding:
    secret = base64.b64encode(f"{helpdesk.id}:{helpdesk.token}".encode()).decode()
    address = f"{channel.domain.rstrip('/')}/open-apis/helpdesk/v1/customized_fields"
    answer = await _get(client, address, {**headers, "X-Lark-Helpdesk-Authorization": secret})
    if answer.get("code") == 0:
        return good("feishu helpdesk", "credentials work")
    code = answer.get("code")
    return bad("feishu helpdesk", f"Feishu answers code {code}: check id and token; desk and app must share a tenant")


async def _get(client: httpx.AsyncClient, address: str, headers: dict[str, str]) -> dict[str, Any]:
    try:
        answer = (await client.get(address, headers=headers)).json()
    except (httpx.HTTPError, ValueError) as error:
        return {"code": type(error).__name__}
    return answer if isinstance(answer, dict) else {"code": "no JSON"}
