"""A fresh process that loads every shipped model, on one core, and prints what that took; see `speed.py`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

#: Texts that nobody plans for; each is read by every model.
ODD = {
    "empty": "",
    "one character": "退",
    "10,000 characters": "我的订单怎么还没发货呢，都三天了！" * 589,
    "emoji": "😡👎🏻👨‍👩‍👧" * 40,
    "digits": "13800138000 " * 60,
    "other languages": "Где мой заказ? أين طلبي؟ 注文はどこですか 주문 어디 " * 8,
    "control characters": "\x00\x07\x1b[31m\u200b\u202e退款\r\n\t" * 40,
}
ROUNDS = 5
#: Read before memory is counted: what is made at first use is there then.
WARM = 50

Read = Callable[[str], object]


def resident_mb() -> float:
    """The memory that this process holds now; the most it ever held where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        import resource  # noqa: PLC0415 - not on every system

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measured(texts: Sequence[str]) -> dict[str, float]:
    """Loads, reads, and tells: memory in megabytes (10⁶ bytes), times as named, all of one core."""
    before, begun = resident_mb(), time.process_time()
    import evals.models.shipped as models  # noqa: PLC0415 - what importing takes is measured, too

    imported = time.process_time()
    loaded = models.Shipped.load()
    ready = time.process_time()
    for text in texts[:WARM]:
        loaded.everything(text)
    memory = resident_mb() - before
    # A turn's readers share what they read of a text: every text is a new one to them here.
    half = len(texts) // 2
    return {
        "import_s": imported - begun,
        "load_s": ready - imported,
        "memory_mb": memory,
        "encode_ms": _ms(lambda text: loaded.encoder.embed([text]), texts[:half]),
        "heads_ms": _ms(loaded.heads, texts[half:]),
        "encode_each_s": _in_batches(loaded.encoder.embed, texts),
        **{f"odd: {name}": _ms(loaded.everything, [text] * ROUNDS) for name, text in ODD.items()},
    }


def _ms(call: Read, texts: Sequence[str]) -> float:
    """The median of one call in milliseconds of processor time."""
    took = []
    for text in texts:
        begun = time.process_time()
        call(text)
        took.append(time.process_time() - begun)
    return float(np.median(took)) * 1000


def _in_batches(embed: Callable[[Sequence[str]], object], texts: Sequence[str], size: int = 256) -> float:
    """Texts per second when many are read at once."""
    many = [text for _ in range(1 + 4000 // len(texts)) for text in texts]
    begun = time.process_time()
    for start in range(0, len(many), size):
        embed(many[start : start + size])
    return len(many) / (time.process_time() - begun)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(json.load(sys.stdin))))
