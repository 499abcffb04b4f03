"""Words of a question that say nothing about its matter, and the marks by which a clause is seen to ask."""

from __future__ import annotations

import re

# Single characters that are half of ordinary words (会员, 功能, 在线 …) are left out on purpose.
_FILLERS = """
    请问一下 请问 你好 您好 麻烦 帮我 帮忙 一下 我想 想要 想问 想知道 问下 问一下 咨询 了解 知道 谢谢
    怎么办 怎么样 怎么 怎样 如何 咋 什么时候 什么样 什么 为什么 为何 为啥 啥 哪些 哪个 哪里 哪儿 哪种
    是否 能否 可否 能不能 可不可以 会不会 是不是 有没有 要不要 可以 需要 应该
    求助 求教 请教 大神 大家 各位 问题 情况 这个 那个 这样 那样 我们 你们 他们 就是 但是 还是 所以 因为
    如果 然后 现在 已经 出现 进行 解决 办法 方法 吗 呢 吧 啊 呀 哦 嘛 的 了 么 我 你 您 它
"""

FILLERS = re.compile("|".join(map(re.escape, sorted(_FILLERS.split(), key=len, reverse=True))))

QUESTION_MARKS = re.compile(
    "[?？吗呢哪几咋]|怎么|怎样|如何|什么|为何|为啥|多少|多久|是否|能否|能不能|可不可以|是不是|有没有|会不会|要不要"
)
