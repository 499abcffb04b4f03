"""Settings: what is wrong is said in a sentence that mends it, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from conversation.errors import BadSettings
from settings_file import load_settings

AES_KEY = "nRNjmkXPURyNOUPvRz4suZ394LfhwWNHn6iSDVfo1i7"


def written(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "huiying.yaml"
    path.write_text(text, encoding="utf-8")
    return {"HUIYING_CONFIG": str(path)}


def refusal(environment: dict[str, str]) -> str:
    with pytest.raises(BadSettings) as caught:
        load_settings(environment)
    return str(caught.value)


def test_no_settings_at_all_give_the_embedded_default() -> None:
    settings = load_settings({"HUIYING_DATA_DIR": "somewhere"})
    assert settings.database == "sqlite:///somewhere/huiying.sqlite3"
    assert settings.plays
    assert not settings.llm.configured


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    environment = written(tmp_path, "port: 9000\nllm: {base_url: 'http://a/v1', model: one}\n")
    settings = load_settings({**environment, "HUIYING_PORT": "9100", "HUIYING_LLM_MODEL": "two"})
    assert (settings.port, settings.llm.model, settings.llm.base_url) == (9100, "two", "http://a/v1")


def test_the_embedder_may_be_chosen_by_the_environment_alone() -> None:
    environment = {"MODEL": "openai:bge-m3", "BASE_URL": "http://x/v1", "API_KEY": "k"}
    settings = load_settings({f"HUIYING_EMBEDDING_{name}": value for name, value in environment.items()})
    assert settings.embedding_model == "openai:bge-m3"
    assert settings.embedding_endpoint == ("http://x/v1", "k")


def test_secrets_come_from_the_environment(tmp_path: Path) -> None:
    text = f"channels:\n  - {{kind: wecom_bot, token: '${{TOKEN}}', encoding_aes_key: {AES_KEY}, bot_name: 小汇}}\n"
    settings = load_settings({**written(tmp_path, text), "TOKEN": "t0k"})
    channel = settings.channels[0]
    assert channel.kind == "wecom_bot"
    assert channel.token == "t0k"
    assert not settings.plays, "with a real channel nobody plays unless asked"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port: many", "port: "),
        ("prot: 8000", "prot: there is no such setting"),
        ("- a list", "names and values"),
        ("a: [", "not YAML"),
        ("channels:\n  - {kind: feishu, app_id: a, app_secret: b}", "in webhook mode needs verification_token"),
        ("channels:\n  - {kind: fax}", "kind"),
        ("channels:\n  - {kind: feishu, app_id: a, app_secret: '${NOPE}', verification_token: v}", "NOPE"),
        ("desk: {staff_chat_id: oc_1, feishu_account: main}", "desk.feishu_account"),
        ("database_url: mysql://x", "sqlite:/// or postgresql://"),
        ("llm: {base_url: 'http://x/v1'}", "HUIYING_LLM_MODEL"),
        ("desk: {hours: {opens: nine}}", "09:00"),
        ("desk: {hours: {timezone: Asia/Nowhere}}", "Asia/Shanghai"),
        ("desk: {hours: {timezone: Asia}}", "there is no time zone 'Asia'"),
        ("embedding_model: 'openai:'", "openai:NAME"),
        ("embedding_model: openai:bge-m3", "HUIYING_EMBEDDING_BASE_URL"),
        ("embedding: {base_url: 'ftp://x'}", "embedding.base_url"),
        ("embedding: {timeout_s: 5}", "embedding.timeout_s"),
        ("embedding: {batch: 0}", "embedding.batch"),
        ("triage: {intents: {mode: replace}}", "give labels or a file"),
        ("triage: {intents: {mode: instead}}", "triage.intents.mode"),
        ("triage: {intents: {labels: {visit: {exmples: [a]}}}}", "there is no such setting"),
    ],
)
def test_wrong_settings_are_refused_with_the_place_and_the_cure(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(written(tmp_path, text))


def test_a_refusal_never_shows_a_secret(tmp_path: Path) -> None:
    text = "channels:\n  - {kind: wecom_bot, token: sEcReT-t0ken, encoding_aes_key: sEcReT-key, bot_name: 小汇}\n"
    assert "sEcReT" not in refusal(written(tmp_path, text))


def test_two_channels_of_one_name_are_refused(tmp_path: Path) -> None:
    one = f"  - {{kind: wecom_bot, token: t, encoding_aes_key: {AES_KEY}, bot_name: 小汇}}\n"
    assert "give each its own account name" in refusal(written(tmp_path, "channels:\n" + one + one))


def test_a_named_file_that_is_missing_is_said_so() -> None:
    assert "does not exist" in refusal({"HUIYING_CONFIG": "/nowhere/huiying.yaml"})


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    assert "cannot be read" in refusal({"HUIYING_CONFIG": str(tmp_path)})
