"""Asks WeChat or WeCom for an app's access token; `access_token` keeps it fresh.

Protocol: https://developer.work.weixin.qq.com/document/path/91039 (WeCom gettoken),
https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/getStableAccessToken.html (公众号, 小程序)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import httpx

from channels.access_token import AccessToken, KeptToken, TokenStore
from channels.wechat_api import CALL_LIMIT_S, exchange, said
from channels.wechat_errors import token_refusal
from conversation.errors import RetryLater

#: A token is renewed this long before it dies.
RENEW_BEFORE_S = 300.0
_ANSWER_LIMIT = 64 * 1024


def corp_token(
    http: httpx.AsyncClient,
    *,
    api_base: str,
    corp_id: str,
    secret: str,
    store: TokenStore,
    clock: Callable[[], float],
) -> AccessToken:
    """The token of one WeCom app (one secret)."""

    async def fetch() -> KeptToken:
        params = {"corpid": corp_id, "corpsecret": secret}
        return await _fetched(http, http.build_request("GET", f"{_base(api_base)}gettoken", params=params), clock)

    return AccessToken(fetch, store, f"{_base(api_base)}|{corp_id}|{_mark(secret)}", clock)


def app_token(
    http: httpx.AsyncClient,
    *,
    api_base: str,
    app_id: str,
    secret: str,
    store: TokenStore,
    clock: Callable[[], float],
) -> AccessToken:
    """The stable token of a 公众号 or 小程序: asking for it again does not kill the one that others use."""

    async def fetch() -> KeptToken:
        body = {"grant_type": "client_credential", "appid": app_id, "secret": secret}
        return await _fetched(http, http.build_request("POST", f"{_base(api_base)}stable_token", json=body), clock)

    return AccessToken(fetch, store, f"{_base(api_base)}|{app_id}|{_mark(secret)}", clock)


async def _fetched(http: httpx.AsyncClient, request: httpx.Request, clock: Callable[[], float]) -> KeptToken:
    request.extensions = {**request.extensions, "timeout": httpx.Timeout(CALL_LIMIT_S).as_dict()}
    reply = await exchange(http, request, repeatable=True, limit=_ANSWER_LIMIT)
    if reply.status < 300 and reply.payload is not None and reply.code:
        raise token_refusal(reply.code, str(reply.payload.get("errmsg", "")))
    payload = said(reply, repeatable=True)
    value, life_s = payload.get("access_token"), payload.get("expires_in")
    if not isinstance(value, str) or not value or not isinstance(life_s, int | float) or life_s <= 0:
        raise RetryLater("the platform gave no access token")
    return KeptToken(value, clock() + max(life_s - RENEW_BEFORE_S, life_s / 2))


def _base(api_base: str) -> str:
    return api_base.rstrip("/") + "/"


def _mark(secret: str) -> str:
    """Tells apps of one company apart in a shared store without telling the secret."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]
