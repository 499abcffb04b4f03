"""When to try again, and when to stop. Pure."""

from __future__ import annotations

#: Seconds before the second try; each further try waits twice as long, up to the ceiling.
FIRST_WAIT_S = 1.0
CEILING_S = 600.0


def backoff(tries: int, chance: float, *, first_s: float = FIRST_WAIT_S, ceiling_s: float = CEILING_S) -> float:
    """Seconds to wait after `tries` failed tries: exponential, spread over ±50 % by `chance` (0–1)."""
    wait = min(first_s * 2.0 ** min(tries - 1, 30), ceiling_s)
    return wait * (0.5 + chance)


def next_send(
    *, tries: int, created_at: float, now: float, after_s: float | None, chance: float, max_tries: int, limit_s: float
) -> float | None:
    """When to send again (Unix seconds), or None: enough tries, or the next one would come too late.

    `after_s` is what the platform asked for and is never undercut.
    """
    if tries >= max_tries:
        return None
    at = now + max(backoff(tries, chance), after_s or 0.0)
    return at if at <= created_at + limit_s else None
