"""What the documents claim about settings, files, tests and commands is held against the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from settings import Settings
from settings_channels import (
    Bridge,
    Feishu,
    GroupWebhook,
    MiniProgram,
    OfficialAccount,
    WebWidget,
    WecomApp,
    WecomBot,
    WecomKf,
)
from settings_file import ENVIRONMENT

CHANNELS: dict[str, type[BaseModel]] = {
    "wecom_bot": WecomBot,
    "wecom_app": WecomApp,
    "wecom_kf": WecomKf,
    "official_account": OfficialAccount,
    "mini_program": MiniProgram,
    "group_webhook": GroupWebhook,
    "feishu": Feishu,
    "bridge": Bridge,
    "web_widget": WebWidget,
}
ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / "docs" / "configuration.md"
NOT_OURS = {".venv", "node_modules", "out", "build", "var"}
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not NOT_OURS & set(path.parts) and not any(p.startswith(".") for p in path.parts)
)
#: Documents in which a path in backticks is a promise that the file is there.
NAMING_FILES = [
    *(ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
TICKED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[\w.-]+(?:/[\w.*-]+)*/?(?:::\w+)?")
COMMAND = re.compile(r"(?:^|[\s`/])huiying ([a-z]+)(?: ([a-z]+))?", re.M)
ROW = re.compile(r"^\| `([^`]+)` \| (\S.*?) \| (\S.*?) \|", re.M)


def rows_under(heading: str) -> dict[str, tuple[str, str]]:
    """Default and environment of each setting in the section of `heading`."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    section = text.split(f"\n{heading}", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]
    return {name: (default, environment) for name, default, environment in ROW.findall(section)}


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, if it holds one."""
    kinds = get_args(annotation) if get_origin(annotation) is not Annotated else get_args(annotation)[:1]
    for kind in (annotation, *kinds):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def fields_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting below `model` with its dotted name."""
    for name, field in model.model_fields.items():
        dotted = f"{prefix}{field.alias or name}"
        inner = model_in(field.annotation)
        if inner is not None:
            yield from fields_of(inner, f"{dotted}.")
        elif dotted != "channels":
            yield dotted, field


def shown(field: FieldInfo) -> str:
    """The default as the tables write it."""
    value = field.default_factory() if field.default_factory else field.default  # type: ignore[call-arg]
    if value is PydanticUndefined:
        return "needed"
    if value == "":
        return '`""`'
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def documented() -> dict[str, tuple[str, str]]:
    text = CONFIGURATION.read_text(encoding="utf-8")
    return {name: (default, environment) for name, default, environment in ROW.findall(text)}


@pytest.mark.parametrize(("name", "field"), fields_of(Settings), ids=lambda one: one if isinstance(one, str) else "")
def test_every_setting_is_documented_with_its_default_and_its_variable(name: str, field: FieldInfo) -> None:
    variables = {path: variable for variable, path in ENVIRONMENT.items()}
    assert name in documented(), f"docs/configuration.md says nothing of {name}"
    default, environment = documented()[name]
    assert default == shown(field)
    assert environment == (f"`{variables[name]}`" if name in variables else "–")


@pytest.mark.parametrize(("kind", "model"), CHANNELS.items())
def test_every_setting_of_a_channel_is_documented(kind: str, model: type[BaseModel]) -> None:
    rows = rows_under(f"### `{kind}`")
    assert {name: default for name, (default, _) in rows.items()} == {
        name: shown(field) for name, field in fields_of(model)
    }


def test_no_document_names_a_setting_that_is_gone() -> None:
    known = {name for model in (Settings, *CHANNELS.values()) for name, _ in fields_of(model)}
    assert set(documented()) <= known


def heading_anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    wrong = []
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in heading_anchors(target)):
            wrong.append(link)
    assert wrong == []


def named_paths(path: Path) -> Iterator[str]:
    """What stands in backticks and begins like something in this repository."""
    tops = {entry.name for entry in ROOT.iterdir() if entry.name not in NOT_OURS}
    for words in TICKED.findall(path.read_text(encoding="utf-8")):
        looks_like_a_path = "/" in words or words.endswith((".py", ".md", ".toml", ".lock"))
        if looks_like_a_path and PATH.fullmatch(words) and words.split("/")[0].split("::")[0] in tops:
            yield words


@pytest.mark.parametrize("path", NAMING_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_document_names_exists(path: Path) -> None:
    assert [words for words in named_paths(path) if not is_there(words)] == []


def is_there(words: str) -> bool:
    """True for `path`, a pattern that matches something, and `path::test` where that test stands in the file."""
    name, _, test = words.partition("::")
    found = sorted(ROOT.glob(name)) if "*" in name else [ROOT / name]
    if not found or not all(one.exists() for one in found):
        return False
    return not test or f"def {test}(" in found[0].read_text(encoding="utf-8")


def test_every_command_that_a_document_names_exists() -> None:
    root = (ROOT / "commands" / "root.py").read_text(encoding="utf-8")
    commands = set(re.findall(r'\.command\("(\w+)"\)|name="(\w+)", help', root))
    known = {one or other for one, other in commands}
    wrong = [
        f"{path.relative_to(ROOT)}: huiying {name}"
        for path in NAMING_FILES
        for name, _ in COMMAND.findall(path.read_text(encoding="utf-8"))
        if name not in known
    ]
    assert wrong == []


def test_the_two_readmes_have_the_same_sections() -> None:
    depth = [
        re.findall(r"^(#+) ", (ROOT / name).read_text(encoding="utf-8"), re.M)
        for name in ("README.md", "README.zh-CN.md")
    ]
    assert depth[0] == depth[1]
