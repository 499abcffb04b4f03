"""The port of a platform: what the mail needs from a channel, and what a channel needs from the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from starlette.requests import Request
from starlette.responses import Response

from conversation.card_press import CardAnswer, CardPress
from conversation.messages import Incoming, OutgoingMessage

__all__ = ["Capabilities", "CardAnswer", "CardPress", "CardPresses", "Channel", "Connects", "Intake", "Receipt"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can show and how fast it may be spoken to.

    `resend_is_safe`: sending again with the same idempotency key cannot double a message, so a send whose fate is
    unknown may simply be repeated. `per_second` and `per_minute` are messages per room (0: no limit known).
    `scarce_sends`: each customer message buys one or few messages of ours, so courtesy lines are left out.
    """

    cards: bool
    max_text_bytes: int
    resend_is_safe: bool
    per_second: float = 0.0
    per_minute: float = 0.0
    updates_cards: bool = False
    scarce_sends: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that the platform took a message. `platform_message_id` is empty where the platform names none."""

    platform_message_id: str = ""


class Channel(Protocol):
    """One account on one platform."""

    platform: str
    account: str
    capabilities: Capabilities

    async def receive(self, request: Request) -> Response:
        """Answers one webhook call: verify, decrypt, translate, put in the inbox, acknowledge.

        Raises `RefusedInput` for what must be refused (the HTTP surface logs the reason and answers the status).
        """
        ...

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """Sends one message; called by the send worker alone, never twice at once for the same key.

        Raises `RetryLater` (busy, limit, expired token), `GiveUp` (nothing will help; the text says why) or
        `FateUnknown` (the answer was lost).
        """
        ...

    async def close(self) -> None:
        """Closes the platform client."""
        ...


@runtime_checkable
class Connects(Protocol):
    """A channel that may hold a connection of its own to its platform, in place of webhooks or beside them."""

    async def start(self) -> None:
        """Begins to connect, and stays connected until `close`; gives at once, and never raises what the network does.

        Called once, by the process that shall hold the connection. A channel set to webhooks does nothing here.
        """
        ...

    async def close(self) -> None:
        """Lets go of the connection; what came in over it is kept first. See also `Channel.close`."""
        ...


class Intake(Protocol):
    """Where channels put what came in; the inbox is the real one."""

    async def put(self, incoming: Sequence[Incoming]) -> Sequence[bool]:
        """Keeps each item durably, once per key. Gives True for the new ones, False for repeats, in order."""
        ...


class CardPresses(Protocol):
    """Who decides what a pressed button does; the desk is the real one. Must answer within 2 s."""

    async def pressed(self, press: CardPress) -> CardAnswer:
        """Does what the button says, once per `press_id`; a repeat gives the same answer."""
        ...
