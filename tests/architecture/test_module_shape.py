"""House rules that can be checked are checked."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = [
    *("conversation", "store", "channels", "delivery", "graph", "agents", "llm", "retrieval", "knowledge"),
    *("tools", "desk", "console", "evals", "commands", "playground"),
]
TOP_LEVEL = sorted(path.name for path in ROOT.glob("*.py"))
BANNED = re.compile(
    r"util|helper|common|misc|(?<!data)base|core|manager|handler|processor|service|impl|data(?!base)", re.I
)
#: Names that the rule allows: a database is a database, and the composition root's result is the service itself.
ALLOWED = {"Service", "build_service", "Database", "SqliteDatabase", "PostgresDatabase", "KnowledgeBase"}
MAX_MODULE, MAX_FUNCTION = 250, 40
TEXT_FILES = {".py", ".md", ".toml", ".yaml", ".lock", ".html", ".css", ".js"}


def product_modules() -> list[Path]:
    inside = [path for folder in OURS for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]
    return sorted([*inside, *(ROOT / name for name in TOP_LEVEL)])


MODULES = product_modules()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_small_and_says_its_place(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert len(source.splitlines()) <= MAX_MODULE, "find the seam and split it"
    assert ast.get_docstring(tree), "one to three lines: its place in the flow"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION, f"{node.name} has {length} lines"


def test_names_speak_of_the_trade() -> None:
    wrong = [
        str(path.relative_to(ROOT)) for path in MODULES if BANNED.search(path.stem) and path.stem != "knowledge_base"
    ]
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name not in ALLOWED and BANNED.search(node.name):
                wrong.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert wrong == []


@pytest.mark.parametrize("name", [name for name in OURS if (ROOT / name).is_dir()])
def test_our_folders_win_over_packages_of_the_same_name(name: str) -> None:
    found = importlib.import_module(name)
    assert found.__file__ is not None
    assert Path(found.__file__).is_relative_to(ROOT)


def confined(vendor: str) -> list[str]:
    pattern = re.compile(rf"^\s*(import {vendor}\b|from {vendor}\b)", re.M)
    return [str(path.relative_to(ROOT)) for path in MODULES if pattern.search(path.read_text(encoding="utf-8"))]


def test_vendors_live_where_they_belong() -> None:
    assert confined("chromadb") == ["retrieval/knowledge_index.py"]
    assert all(path.startswith("graph/") for path in confined("langgraph"))
    assert all("redis_" in path for path in confined("redis"))
    assert confined("lark_oapi") == []
    allowed = ("channels/wecom_bot/", "channels/wxbiz.py", "playground/wecom")
    assert all(path.startswith(allowed) for path in confined("wechatpy"))


def test_the_tree_speaks_of_the_product_alone() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    workplace = re.compile(r"/work/|bash_jobs|/shared/|://[^/\s]*(?:pypi|npmjs|debian)\.", re.I)
    wrong = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix not in TEXT_FILES or not path.exists() or path == Path(__file__):
            continue
        if workplace.search(path.read_text(encoding="utf-8")):
            wrong.append(name)
    assert wrong == []
