"""Errors named by what the caller can do about them."""

from __future__ import annotations


class HuiyingError(Exception):
    """The root of all our errors; the text says in words what to do."""


class RetryLater(HuiyingError):
    """The other side is busy or gone for now: try again after `after_s` seconds (None: by the caller's own policy)."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class GiveUp(HuiyingError):
    """Trying again cannot help: bury the message and tell a person."""


class PersonHolds(GiveUp):
    """A person has this chat at the platform's own desk: what the bot wanted to say is dropped, not mourned."""


class FateUnknown(HuiyingError):
    """A call may or may not have taken effect: the answer was lost on the way."""


class RefusedInput(HuiyingError):
    """What came in is wrong. `status` is the HTTP status to answer, `reason` is for our log, never for the sender."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class BadSettings(HuiyingError):
    """The settings cannot work; the text is the sentence that mends them."""


class BadDocument(HuiyingError):
    """A file to import cannot be read; the text names the place and the cure."""


class LeaseLost(HuiyingError):
    """Another worker owns the conversation now: drop what was thought, write nothing."""


class Superseded(HuiyingError):
    """New words arrived before the reply left: think again with all of them."""
