"""Fetches the app's tenant_access_token; keeping it fresh is `channels.access_token`'s.

Protocol: https://open.feishu.cn/document/server-docs/authentication-management/access-token/tenant_access_token_internal
"""

from __future__ import annotations

from collections.abc import Callable

import httpx

from channels.access_token import AccessToken, InMemoryTokenStore, KeptToken, TokenStore
from channels.feishu.settings import FeishuSettings
from conversation.errors import RetryLater
from tools.feishu_api import CALL_LIMIT_S, FeishuCall, exchange
from tools.feishu_values import as_number, as_text

__all__ = ["InMemoryTokenStore", "KeptToken", "TenantAccessToken", "TokenStore"]

#: A token is renewed this long before it dies; Feishu gives a new one when less than 30 minutes are left.
RENEW_BEFORE_S = 300.0


class TenantAccessToken(AccessToken):
    """The token of one app; a `TokenProvider` for the shared REST plumbing."""

    def __init__(
        self,
        settings: FeishuSettings,
        client: httpx.AsyncClient,
        store: TokenStore,
        clock: Callable[[], float],
    ) -> None:
        async def fetch() -> KeptToken:
            return await _fetched(settings, client, clock)

        super().__init__(fetch, store, f"{settings.domain}|{settings.app_id}", clock)


async def _fetched(settings: FeishuSettings, client: httpx.AsyncClient, clock: Callable[[], float]) -> KeptToken:
    body = {"app_id": settings.app_id, "app_secret": settings.app_secret}
    call = FeishuCall("POST", "auth/v3/tenant_access_token/internal", body=body, repeatable=True)
    url = f"{settings.domain.rstrip('/')}/open-apis/{call.path}"
    answer = await exchange(client, url, call, {}, timeout_s=CALL_LIMIT_S)
    if not answer.good:
        raise answer.error(call)
    value, life_s = as_text(answer.payload.get("tenant_access_token")), as_number(answer.payload.get("expire"))
    if not value or life_s <= 0:
        raise RetryLater("Feishu gave no tenant_access_token")
    return KeptToken(value, clock() + max(life_s - RENEW_BEFORE_S, life_s / 2))
