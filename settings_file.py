"""Reads the settings: huiying.yaml, then the environment over it, secrets as `${NAME}`; says in words what is wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from conversation.errors import BadSettings
from settings import Settings

#: Environment variable → path in the file. The environment wins.
ENVIRONMENT = {
    "HUIYING_DATA_DIR": "data_dir",
    "HUIYING_HOST": "host",
    "HUIYING_PORT": "port",
    "HUIYING_DATABASE_URL": "database_url",
    "HUIYING_REDIS_URL": "redis_url",
    "HUIYING_CHROMA_URL": "chroma_url",
    "HUIYING_LLM_BASE_URL": "llm.base_url",
    "HUIYING_LLM_API_KEY": "llm.api_key",
    "HUIYING_LLM_MODEL": "llm.model",
    "HUIYING_EMBEDDING_MODEL": "embedding_model",
    "HUIYING_EMBEDDING_BASE_URL": "embedding.base_url",
    "HUIYING_EMBEDDING_API_KEY": "embedding.api_key",
}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from `HUIYING_CONFIG` (default ./huiying.yaml, if it exists) and the environment.

    Raises `BadSettings` with the sentence that mends it; secrets never appear in the text.
    """
    env = os.environ if environment is None else environment
    tree = _read_file(env)
    for variable, path in ENVIRONMENT.items():
        if env.get(variable):
            _put(tree, path.split("."), env[variable])
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise BadSettings(_in_words(error)) from None


def _read_file(env: Mapping[str, str]) -> dict[str, Any]:
    named = env.get("HUIYING_CONFIG")
    path = Path(named or "huiying.yaml")
    if not path.exists():
        if named:
            raise BadSettings(f"HUIYING_CONFIG names {path}, which does not exist")
        return {}
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} is not YAML in UTF-8: {error}") from None
    except OSError as error:
        raise BadSettings(f"{path} cannot be read ({error.strerror}): mend its rights, or HUIYING_CONFIG") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise BadSettings(f"{path} must hold names and values at its top level, such as `port: 8000`")
    filled: dict[str, Any] = _fill(tree, env, str(path))
    return filled


def _fill(value: Any, env: Mapping[str, str], path: str) -> Any:
    """`value` with every `${NAME}` replaced from the environment."""
    if isinstance(value, dict):
        return {key: _fill(item, env, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, env, path) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in env:
            raise BadSettings(f"{path} takes a value from ${{{name}}}, but that environment variable is not set")
        return env[name]

    return _VARIABLE.sub(replace, value)


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    for name in path[:-1]:
        inner = tree.setdefault(name, {})
        if not isinstance(inner, dict):
            raise BadSettings(f"`{name}` in the settings file must hold names and values")
        tree = inner
    tree[path[-1]] = value


def _in_words(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        place = ".".join(str(part) for part in problem["loc"]) or "settings"
        said = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            said = "there is no such setting; check the spelling"
        elif problem["type"] == "missing":
            said = "this setting is needed and not given"
        lines.append(f"{place}: {said}" if place != "settings" else said)
    return "the settings cannot work:\n  " + "\n  ".join(lines)
