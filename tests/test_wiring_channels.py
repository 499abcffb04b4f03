"""Every kind of channel that the settings know becomes a channel, and the doctor looks at each account."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import httpx

from channels.channel import Channel
from commands.doctor_channels import channel_findings
from settings import Settings
from settings_channels import ChannelSettings
from wiring import build_service
from wiring_channels import channel_chores

AES = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
WECOM = {"corp_id": "ww1", "secret": "s", "token": "t", "encoding_aes_key": AES}
MP = {"app_id": "wx1", "secret": "s", "token": "t"}
ALL = (
    {"kind": "wecom_bot", "token": "t", "encoding_aes_key": AES, "bot_name": "小汇"},
    {
        "kind": "wecom_bot",
        "account": "line",
        "mode": "long_connection",
        "bot_id": "b",
        "secret": "s",
        "bot_name": "小汇",
    },
    {"kind": "wecom_app", "agent_id": 1000002, **WECOM},
    {"kind": "wecom_kf", **WECOM},
    {"kind": "official_account", **MP, "notice": {"template_id": "T", "words_field": "thing1"}},
    {"kind": "mini_program", **MP},
    {"kind": "group_webhook", "key": "693a91f6"},
    {"kind": "feishu", "app_id": "cli_1", "app_secret": "s", "verification_token": "v"},
    {"kind": "bridge", "secret": "0123456789abcdef"},
    {"kind": "web_widget", "visitor_key": "0123456789abcdef0123456789abcdef"},
)


def all_kinds() -> set[str]:
    union = get_args(ChannelSettings)[0]
    return {get_args(section.model_fields["kind"].annotation)[0] for section in get_args(union)}


def settings_of(folder: Path) -> Settings:
    return Settings.model_validate({"data_dir": folder, "playground": "off", "channels": ALL})


async def test_every_kind_in_the_settings_is_wired(tmp_path: Path) -> None:
    assert {one["kind"] for one in ALL} == all_kinds()
    service = await build_service(settings_of(tmp_path))
    try:
        channels: dict[tuple[str, str], Channel] = dict(service.channels)
        assert {(one["kind"], one.get("account", "main")) for one in ALL} == set(channels)
        assert all(channel.platform == kind for (kind, _), channel in channels.items())
        chores = [chore.name for chore in channel_chores(channels, service.database)]
        assert "wecom_kf_catch_up:main" in chores
        assert len(set(chores)) == len(chores)
    finally:
        await service.stop()
        await service.close()


async def test_the_doctor_says_something_of_every_account_without_its_secrets(tmp_path: Path) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"errcode": 40001, "errmsg": f"bad secret in {request.url}"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as client:
        found = [finding async for finding in channel_findings(settings_of(tmp_path), client)]
    told = " ".join(f"{finding.subject} {finding.words}" for finding in found)
    assert all(f"{one['kind']}/{one.get('account', 'main')}" in told for one in ALL)
    assert "compare the ids and the secret" in told
    assert AES not in told
