"""HTTP doubles of the platforms: what they see of the product is only its webhook and its API calls.

The playground page, the tests and the benchmark speak through them; they import nothing of the product.
"""

from __future__ import annotations

from playground.faults import Fault, Faults
from playground.feishu_double import FeishuDouble
from playground.ledger import DoubleLedger, Message
from playground.wecom_double import WecomDouble

__all__ = ["DoubleLedger", "Fault", "Faults", "FeishuDouble", "Message", "WecomDouble"]
