"""Posts the callbacks of 微信客服: sealed XML that says that there is news, again when it was not taken.

Protocol: https://developer.work.weixin.qq.com/document/path/94670, /90238 (repeats)
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable

from playground.courier import Courier
from playground.wecom_envelope import WecomEnvelope

#: A callback that is late or not answered 200 is posted three times in all.
TRIES = 3


class KfWire:
    """One callback URL."""

    def __init__(
        self, callback_url: str, corp_id: str, envelope: WecomEnvelope, courier: Courier, clock: Callable[[], float]
    ) -> None:
        self.callback_url = callback_url
        self._corp_id = corp_id
        self._envelope = envelope
        self._courier = courier
        self._clock = clock

    async def call(self, open_kfid: str, token: str) -> int:
        """Post that an account has news; gives the status of the last try, 0 where none was answered."""
        fields = f"<Event><![CDATA[kf_msg_or_event]]></Event><Token><![CDATA[{token}]]></Token>"
        return await self.post(f"{fields}<OpenKfId><![CDATA[{open_kfid}]]></OpenKfId>", "kf_msg_or_event")

    async def accounts_changed(self, given: list[str], taken: list[str]) -> int:
        """Post that accounts were given to the app or taken from it."""
        added = "".join(f"<AuthAddOpenKfId><![CDATA[{one}]]></AuthAddOpenKfId>" for one in given)
        removed = "".join(f"<AuthDelOpenKfId><![CDATA[{one}]]></AuthDelOpenKfId>" for one in taken)
        event = "<Event><![CDATA[kf_account_auth_change]]></Event>"
        return await self.post(f"{event}{added}{removed}", "kf_account_auth_change")

    async def post(self, fields: str, kind: str) -> int:
        """Post a callback with these fields until it is taken, three times at most."""
        head = f"<ToUserName><![CDATA[{self._corp_id}]]></ToUserName><CreateTime>{int(self._clock())}</CreateTime>"
        plain = f"<xml>{head}<MsgType><![CDATA[event]]></MsgType>{fields}</xml>"
        status = 0
        for _ in range(TRIES):
            body, query = self.seal(plain)
            response = await self._courier.post(
                self.callback_url,
                kind,
                kind,
                content=body,
                params=query,
                headers={"Content-Type": "text/xml"},
            )
            status = response.status_code if response is not None else 0
            if response is not None and response.is_success:
                break
        return status

    def seal(self, plain: str | bytes) -> tuple[bytes, dict[str, str]]:
        """Give (body, query) of a signed callback around any text, or any bytes for hostile tests."""
        timestamp, nonce = str(int(self._clock())), str(secrets.randbelow(10**10))
        content = plain if isinstance(plain, bytes) else plain.encode()
        packed = secrets.token_bytes(16) + len(content).to_bytes(4, "big") + content + self._corp_id.encode()
        encrypt = base64.b64encode(self._envelope.encrypt_media(packed)).decode()
        signature = self._envelope.signature(timestamp, nonce, encrypt)
        body = (
            f"<xml><ToUserName><![CDATA[{self._corp_id}]]></ToUserName><AgentID><![CDATA[]]></AgentID>"
            f"<Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"
        )
        return body.encode(), {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}

    async def aclose(self) -> None:
        """Stop waiting for late answers."""
        await self._courier.aclose()
