"""What 微信客服 accounts have to tell: rows in order behind cursors, and the short-lived tokens of callbacks.

Protocol: https://developer.work.weixin.qq.com/document/path/94670
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from playground.wecom_kf_gateway import RATE_LIMITED, KfCall, KfRefusal

TOKEN_LIFE_S = 600.0
KEPT_S = 3 * 86_400.0
PAGE_LIMIT = 1000
CURSOR_LIMIT = 64
INVALID_TOKEN = 95007
WRONG_ACCOUNT = 95000


class KfNews:
    """All accounts' rows. `page_limit` and `empty_pages` (has_more with nothing in it) may be set for a test.

    Without a callback's token an account may be asked `tokenless_per_minute` times; how often the platform really
    allows it is not published. While `hold` is set to an event, pages wait for it.
    """

    def __init__(self, open_kfids: list[str], clock: Callable[[], float]) -> None:
        self.page_limit = PAGE_LIMIT
        self.empty_pages = 0
        self.tokenless_per_minute = 10
        self.most_at_once = 0
        self.hold: asyncio.Event | None = None
        self._clock = clock
        self._rows: dict[str, list[dict[str, Any]]] = {one: [] for one in open_kfids}
        self._cursors: dict[str, tuple[str, int]] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._tokenless: defaultdict[str, deque[float]] = defaultdict(deque)
        self._raw: defaultdict[str, deque[str]] = defaultdict(deque)
        self._reading: defaultdict[str, int] = defaultdict(int)

    @property
    def open_kfids(self) -> list[str]:
        """The accounts, in the order in which they were made."""
        return list(self._rows)

    def add(self, open_kfid: str, row: dict[str, Any]) -> None:
        """Put a row behind the others."""
        self._rows[open_kfid].append(row)

    def add_raw(self, open_kfid: str, text: str) -> None:
        """The next page of the account holds this text, once, as the only row; it need not be JSON.

        Bytes that are no UTF-8 may stand in it as surrogates (`surrogateescape`).
        """
        self._raw[open_kfid].append(text)

    def token(self, open_kfid: str) -> str:
        """A fresh token for a callback of the account."""
        token = f"ENC{secrets.token_urlsafe(24)}"
        self._tokens[token] = (open_kfid, self._clock() + TOKEN_LIFE_S)
        return token

    async def sync(self, call: KfCall) -> dict[str, Any] | Response:
        """Answer sync_msg."""
        open_kfid = call.text("open_kfid")
        if open_kfid not in self._rows:
            raise KfRefusal(WRONG_ACCOUNT, "invalid open_kfid")
        self._check_token(open_kfid, call.text("token"))
        self._reading[open_kfid] += 1
        self.most_at_once = max(self.most_at_once, self._reading[open_kfid])
        try:
            if self.hold is not None:
                await self.hold.wait()
            return self._page(open_kfid, call)
        finally:
            self._reading[open_kfid] -= 1

    def _page(self, open_kfid: str, call: KfCall) -> dict[str, Any] | Response:
        place = self._place(open_kfid, call.text("cursor"))
        if self._raw[open_kfid]:
            text = self._raw[open_kfid].popleft()
            cursor = json.dumps(self._cursor(open_kfid, place))
            page = f'{{"errcode":0,"errmsg":"ok","next_cursor":{cursor},"has_more":1,"msg_list":[{text}]}}'
            return Response(page.encode("utf-8", "surrogateescape"), media_type="application/json")
        if self.empty_pages > 0:
            self.empty_pages -= 1
            return {"next_cursor": self._cursor(open_kfid, place), "has_more": 1, "msg_list": []}
        wanted = call.body.get("limit") or PAGE_LIMIT
        if not isinstance(wanted, int) or not 0 < wanted <= PAGE_LIMIT:
            raise KfRefusal(40058, "invalid limit")
        end = place + min(wanted, self.page_limit)
        rows = self._rows[open_kfid]
        more = int(end < len(rows))
        end = min(end, len(rows))
        return {"next_cursor": self._cursor(open_kfid, end), "has_more": more, "msg_list": rows[place:end]}

    def _place(self, open_kfid: str, cursor: str) -> int:
        if not cursor:
            oldest = self._clock() - KEPT_S
            rows = self._rows[open_kfid]
            return next((n for n, row in enumerate(rows) if row.get("send_time", 0) >= oldest), len(rows))
        known = self._cursors.get(cursor)
        if known is None or known[0] != open_kfid or len(cursor.encode()) > CURSOR_LIMIT:
            raise KfRefusal(40058, "invalid cursor")
        return known[1]

    def _cursor(self, open_kfid: str, place: int) -> str:
        cursor = f"4gw7{secrets.token_urlsafe(12)}"
        self._cursors[cursor] = (open_kfid, place)
        return cursor

    def _check_token(self, open_kfid: str, token: str) -> None:
        now = self._clock()
        if token:
            if self._tokens.get(token, ("", 0.0))[0] != open_kfid or self._tokens[token][1] <= now:
                raise KfRefusal(INVALID_TOKEN, "invalid msg token")
            return
        recent = self._tokenless[open_kfid]
        while recent and now - recent[0] >= 60.0:
            recent.popleft()
        if len(recent) >= self.tokenless_per_minute:
            raise KfRefusal(RATE_LIMITED, "api freq out of limit")
        recent.append(now)
