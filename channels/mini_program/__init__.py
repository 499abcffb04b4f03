"""The customer service of a WeChat 小程序: callbacks in JSON or XML in, customer-service messages out.

Protocol: https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/customer-message.html
"""

from __future__ import annotations

from channels.mini_program.account import MiniProgramSettings
from channels.mini_program.channel import MiniProgramChannel

__all__ = ["MiniProgramChannel", "MiniProgramSettings"]
