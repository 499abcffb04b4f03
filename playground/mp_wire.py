"""Posts the signed callbacks of a 公众号 or 小程序, up to three times each, and reads what the service answers.

Protocol: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Passive_user_reply_message.html
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from typing import Any, Literal
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import httpx

from playground.courier import Courier
from playground.ledger import DoubleLedger
from playground.wecom_envelope import BrokenEnvelope, WecomEnvelope

#: A callback that is not answered in time with 200 is posted again, three times in all.
TRIES = 3

Mode = Literal["plain", "compatible", "aes"]
Form = Literal["xml", "json"]
Fields = dict[str, Any]


class MpWire:
    """One callback URL, in one of the console's three modes and two data formats."""

    def __init__(
        self,
        callback_url: str,
        token: str,
        envelope: WecomEnvelope | None,
        courier: Courier,
        ledger: DoubleLedger,
        *,
        mode: Mode,
        form: Form,
        clock: Callable[[], float],
    ) -> None:
        self.callback_url = callback_url
        self.mode: Mode = mode
        self.form: Form = form
        self._token = token
        self._envelope = envelope
        self._courier = courier
        self._ledger = ledger
        self._clock = clock

    def signed(self, openid: str = "") -> dict[str, str]:
        """Give the query of plain mode, with a fresh nonce and the present time."""
        timestamp, nonce = str(int(self._clock())), str(secrets.randbelow(10**10))
        joined = "".join(sorted([self._token, timestamp, nonce]))
        signature = hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()
        return {"signature": signature, "timestamp": timestamp, "nonce": nonce, "openid": openid}

    def sealed(self, text: str, openid: str = "") -> tuple[str, dict[str, str]]:
        """Give (body, query) of a callback around any text, as the mode wants it."""
        query = self.signed(openid)
        if self._envelope is None or self.mode == "plain":
            return text, query
        encrypt, signature = self._envelope.seal(text, query["timestamp"], query["nonce"])
        query |= {"encrypt_type": "aes", "msg_signature": signature}
        outer: Fields = {"Encrypt": encrypt}
        if self.mode == "compatible":
            outer = {**self._parsed(text), **outer}
        return self.written(outer), query

    def written(self, fields: Fields) -> str:
        """Give the fields as the platform writes them."""
        if self.form == "json":
            return json.dumps(fields, ensure_ascii=False)
        return to_xml(fields)

    async def exchange(self, key: str, kind: str, text: str, openid: str) -> Fields | None:
        """Post until it is answered; give the passive reply, or None where there is none."""
        for _ in range(TRIES):
            body, query = self.sealed(text, openid)
            response = await self.post(key, kind, body, query)
            if response is not None and response.status_code == httpx.codes.OK:
                return self._read(response, key)
        # This is the moment in which a customer reads that the account is out of order.
        self._ledger.note("out_of_order", key=key, openid=openid)
        return None

    async def post(self, key: str, kind: str, body: str, query: dict[str, str]) -> httpx.Response | None:
        """Post once; give the answer, or None if it was late, lost or never made."""
        headers = {"Content-Type": "application/json" if self.form == "json" else "text/xml"}
        return await self._courier.post(self.callback_url, key, kind, content=body, params=query, headers=headers)

    async def aclose(self) -> None:
        """Stop waiting for late answers."""
        await self._courier.aclose()

    def _read(self, response: httpx.Response, key: str) -> Fields | None:
        said = response.text.strip()
        if said in ("", "success"):
            return None
        try:
            return self._opened(said)
        except (BrokenEnvelope, ValueError, KeyError, ElementTree.ParseError) as broken:
            self._ledger.violation(f"the answer to {key} is no passive reply: {broken!r}")
            return None

    def _opened(self, said: str) -> Fields:
        fields = self._parsed(said)
        if self.mode == "plain":
            return fields
        if self._envelope is None or "Encrypt" not in fields:
            raise ValueError("the reply is not encrypted")
        names = ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")
        encrypt, signature, timestamp, nonce = (str(fields[name]) for name in names)
        return self._parsed(self._envelope.open(encrypt, signature, timestamp, nonce))

    @staticmethod
    def _parsed(text: str) -> Fields:
        if text.lstrip().startswith("{"):
            found = json.loads(text)
            if not isinstance(found, dict):
                raise ValueError("the reply is no JSON object")
            return found
        root = ElementTree.fromstring(text)  # noqa: S314 - what our own service wrote
        if root.tag != "xml":
            raise ValueError(f"the reply's root is {root.tag!r}")
        return {one.tag: {sub.tag: sub.text or "" for sub in one} if len(one) else one.text or "" for one in root}


def to_xml(fields: Fields) -> str:
    """Give the fields as WeChat's XML: numbers bare, text in CDATA."""
    parts = (
        f"<{name}>{value}</{name}>" if isinstance(value, int | float) else f"<{name}>{_cdata(str(value))}</{name}>"
        for name, value in fields.items()
    )
    return f"<xml>{''.join(parts)}</xml>"


def _cdata(text: str) -> str:
    return escape(text) if "]]>" in text else f"<![CDATA[{text}]]>"
