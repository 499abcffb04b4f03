"""WeCom 智能机器人 in webhook mode: encrypted callbacks in, stream bubbles and one-shot response URLs out.

Protocol: https://developer.work.weixin.qq.com/document/path/101039 and its neighbours.
"""
