"""The doctor's look at the accounts of WeChat and WeCom platforms: does the platform know the credentials?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import httpx

from commands.doctor_finding import Finding, bad, doubtful, good
from settings_channels import Bridge, GroupWebhook, MiniProgram, OfficialAccount, WebWidget, WecomApp, WecomKf

Account = WecomApp | WecomKf | OfficialAccount | MiniProgram | GroupWebhook | Bridge | WebWidget
#: What the platforms answer to credentials that they do not know, and to an address that they do not let in.
_UNKNOWN, _FOREIGN_ADDRESS = frozenset({40001, 40013, 40091, 40125, 41002, 41004}), frozenset({40164, 60020})


async def account_findings(one: Account, client: httpx.AsyncClient) -> AsyncIterator[Finding]:
    """Findings about one account. Asks the platform for a token where there is one; says nothing to any customer."""
    name = f"{one.kind}/{one.account}"
    match one:
        case WecomApp() | WecomKf():
            given = {"corpid": one.corp_id, "corpsecret": one.secret}
            yield await _token(name, client, f"{one.api_base.rstrip('/')}/gettoken", given)
        case OfficialAccount() | MiniProgram():
            given = {"grant_type": "client_credential", "appid": one.app_id, "secret": one.secret}
            yield await _token(name, client, f"{one.api_base.rstrip('/')}/stable_token", given, post=True)
            if not one.encoding_aes_key:
                yield doubtful(name, "callbacks come in plain text: set encoding_aes_key on both sides")
        case GroupWebhook():
            yield good(name, "the key is well formed; a robot cannot be asked anything without speaking in its group")
        case Bridge():
            yield good(name, f"the gateway {'fetches its commands' if not one.api_base else f'is at {one.api_base}'}")
        case WebWidget() if not one.allowed_origins:
            yield doubtful(name, "allowed_origins is empty: only pages under this service's own address may show it")
        case WebWidget():
            yield good(name, f"shown on {', '.join(one.allowed_origins)}")


async def _token(
    name: str, client: httpx.AsyncClient, address: str, given: Mapping[str, str], *, post: bool = False
) -> Finding:
    try:
        asked = client.post(address, json=dict(given)) if post else client.get(address, params=dict(given))
        answer = (await asked).json()
    except (httpx.HTTPError, ValueError) as error:
        return bad(name, f"the platform does not answer ({type(error).__name__}): check `api_base`")
    code = answer.get("errcode", 0) if isinstance(answer, dict) else "no JSON"
    if code == 0 and answer.get("access_token"):
        return good(name, "credentials work")
    if code in _FOREIGN_ADDRESS:
        return bad(name, f"code {code}: add this machine's address to the platform's IP allow-list")
    if code in _UNKNOWN:
        return bad(name, f"code {code}: compare the ids and the secret with the platform's page")
    return bad(name, f"the platform answers code {code}")
