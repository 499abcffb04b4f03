"""Gateways of others behind one signed HTTP contract: Wechaty-like bots, 会话存档 readers, anything that speaks it.

Protocol: docs/channels/bridge.md.
"""

from __future__ import annotations

from channels.bridge.channel import BridgeChannel, BridgeSettings

__all__ = ["BridgeChannel", "BridgeSettings"]
