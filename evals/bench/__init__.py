"""Measured figures: acknowledgement, overhead and CPU of a turn, model calls, growth with a conversation's length."""
