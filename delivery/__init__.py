"""The mail: inbox, turns, outbox, sending, and what is due later."""
