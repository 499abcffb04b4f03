"""The prompts: plain-text files beside this module, read and checked once at start; turns record their version."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from conversation.errors import BadSettings
from llm.chat_model import Prompt

FOLDER = Path(__file__).parent / "prompts"
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
PARTS = re.compile(r"\A# system\n(?P<system>.+?)\n# user\n(?P<user>.+)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Template:
    """One prompt file. `version` is `name@hash` of its content, so a changed word is a changed version."""

    name: str
    version: str
    system: str
    user: str

    def prompt(self, values: Mapping[str, str]) -> Prompt:
        """The prompt for one case. Values are filled in once and never read as templates themselves."""
        return Prompt(self.system, PLACEHOLDER.sub(lambda m: values[m[1]], self.user), self.version)


class PromptLibrary:
    """All prompts by name."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = dict(templates)

    @classmethod
    def load(cls, folder: Path = FOLDER) -> PromptLibrary:
        """Reads every `*.md` of `folder`. Raises `BadSettings` naming the file that has not both parts."""
        return cls({path.stem: _read(path) for path in sorted(folder.glob("*.md"))})

    def template(self, name: str, fields: Collection[str]) -> Template:
        """The prompt `name`, which must hold exactly the placeholders `fields`; `BadSettings` otherwise."""
        if name not in self._templates:
            raise BadSettings(f"prompt {name}.md is missing")
        template = self._templates[name]
        found = set(PLACEHOLDER.findall(template.user))
        if found != set(fields):
            raise BadSettings(f"prompt {name}.md must hold {sorted(fields)}, it holds {sorted(found)}")
        return template


def _read(path: Path) -> Template:
    content = path.read_text(encoding="utf-8")
    parts = PARTS.match(content)
    if parts is None:
        raise BadSettings(f"prompt {path.name} needs a '# system' part and a '# user' part")
    version = f"{path.stem}@{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    return Template(path.stem, version, parts["system"].strip(), parts["user"].strip())


def estimate_tokens(text: str) -> int:
    """About how many tokens a text costs: a Chinese character 1/1.6, any other 1/4."""
    other = len(text)
    chinese = (len(text.encode("utf-8", "surrogatepass")) - other) >> 1
    return int(chinese / 1.6 + (other - chinese) / 4) + 1


def clip(text: str, tokens: int) -> str:
    """`text` cut to about `tokens`, marked with an ellipsis where it was cut."""
    if estimate_tokens(text) <= tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if estimate_tokens(text[:middle]) < tokens else (low, middle - 1)
    return text[:low].rstrip() + "…" if low else ""


def as_data(text: str) -> str:
    """Words of others for a prompt: they cannot open or close the marks that fence them in."""
    return text.replace("<", "＜").replace(">", "＞").strip()
