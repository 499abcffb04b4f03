"""What a start cannot do without: each lack is a sentence that mends it, and shows no password."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from commands.doctor_checks import examine
from commands.doctor_finding import Level
from commands.listening import listening
from conversation.errors import BadSettings
from delivery.redis_wakeup import RedisWakeup
from settings import Settings
from store.database_url import read_url
from wiring_store import prepare_data_folder, ready_database


async def refusal(url: str) -> str:
    with pytest.raises(BadSettings) as caught:
        await ready_database(Settings(database_url=url))
    return str(caught.value)


async def test_a_database_that_stands_is_opened_with_its_schema(database_url: str) -> None:
    database = await ready_database(Settings(database_url=database_url))
    assert await database.read(lambda c: c.execute(text("SELECT count(*) FROM entries")).scalar_one()) == 0
    await database.close()


async def test_a_server_that_is_not_there_is_said_so() -> None:
    said = await refusal("postgresql://shop:s3cret@127.0.0.1:9/shop")
    assert "127.0.0.1:9/shop" in said
    assert "check that the server runs" in said
    assert "s3cret" not in said


async def test_an_unknown_database_and_an_unknown_user_are_said_so(postgres_url: str) -> None:
    url = read_url(postgres_url).set(drivername="postgresql")
    unknown = url.set(database="nowhere").render_as_string(hide_password=False)
    stranger = url.set(username="stranger").render_as_string(hide_password=False)
    assert 'database "nowhere" does not exist' in await refusal(unknown)
    assert "stranger" in await refusal(stranger)


async def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite3").write_bytes(b"no database at all" * 99)
    (tmp_path / "file").write_text("")
    assert "not a database" in await refusal(f"sqlite:///{tmp_path}/a.sqlite3")
    assert "HUIYING_DATABASE_URL" in await refusal(f"sqlite:///{tmp_path}/file/b.sqlite3")


async def test_a_schema_of_a_newer_version_is_said_so(database_url: str) -> None:
    engine = create_engine(read_url(database_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from_tomorrow'"))
    engine.dispose()
    assert "upgrade Huiying" in await refusal(database_url)


@pytest.mark.parametrize(("name", "said"), [("a_file", "is a file"), ("a_file/below", "cannot be made")])
def test_a_data_folder_that_cannot_be_is_said_so(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "a_file").write_text("")
    with pytest.raises(BadSettings, match=said):
        prepare_data_folder(tmp_path / name)


@pytest.mark.parametrize("url", ["here:6379", "redis://u:s3cret@here:many/0", "http://here", "redis://[::1"])
async def test_what_is_no_redis_address_is_said_so(url: str) -> None:
    with pytest.raises(BadSettings, match="HUIYING_REDIS_URL") as caught:
        RedisWakeup(url)
    assert "s3cret" not in str(caught.value)


def test_a_port_is_taken_once() -> None:
    with listening("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(BadSettings, match="HUIYING_PORT"):
            listening("127.0.0.1", port)
    listening("127.0.0.1", port).close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(BadSettings, match="HUIYING_HOST"):
        listening(host, 0)


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1"])
def test_addresses_of_this_machine_are_taken(host: str) -> None:
    with listening(host, 0) as opened:
        socket.create_connection(("127.0.0.1", opened.getsockname()[1]), timeout=5).close()


async def test_the_doctor_asks_feishu_of_the_channels_that_were_configured_alone(tmp_path: Path) -> None:
    channel = {
        "kind": "feishu",
        "app_id": "cli_a",
        "app_secret": "s3cret",
        "verification_token": "v",
        "domain": "http://127.0.0.1:9",
    }
    settings = Settings.model_validate({"data_dir": tmp_path / "var", "channels": [channel], "playground": "on"})
    found = {one.subject: one for one in await examine(settings)}
    assert found["feishu/main"].level is Level.BAD
    assert "check `domain`" in found["feishu/main"].words
    assert not [subject for subject in found if "playground" in subject]
    assert "s3cret" not in str(found)
