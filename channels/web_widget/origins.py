"""Which sites may use a widget: the Origin that the browser states, held against a list; pure.

Protocol: https://fetch.spec.whatwg.org/#http-cors-protocol. Calls are "simple" ones, so no browser asks beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from conversation.errors import RefusedInput


class Origins:
    """The sites of one widget."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(one.lower().rstrip("/") for one in allowed)

    def cors(self, headers: Headers) -> dict[str, str]:
        """What the answer must carry so that the site's page may read it. Raises `RefusedInput` 403 for other sites."""
        origin = headers.get("origin", "")
        if not origin:
            raise RefusedInput("a call without an Origin: no browser makes one", 403)
        if origin.lower() not in self._allowed and not _is_own(origin, headers.get("host", "")):
            raise RefusedInput(f"the site {origin[:100]!r} is not in allowed_origins", 403)
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}


def _is_own(origin: str, host: str) -> bool:
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
