"""A deployer's own intents in the running product: heard in a chat, named on a ticket, told by `huiying ask`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from conversation.codec import from_json
from conversation.findings import Findings
from store.schema import turns
from tests.commands.test_command_line import huiying, sentence
from tests.journeys.conftest import DM, Open

QUICK = {"quiet_s": 0, "cap_s": 0}
PRICE = ["买完就降价了能补差价吗", "买贵了退差价吗", "你们有价保吗", "怎么申请保价", "差价退不退", "价格保护几天"]
VISIT = ["你们有实体店吗", "最近的门店在哪", "门店几点开门", "想预约到店体验", "有线下店吗", "去店里能试用吗"]
OWN = {
    "labels": {
        "price_protection": {"category": "aftersale", "name": "价格保护", "examples": PRICE},
        "store_visit": {"examples": VISIT},
    }
}


@pytest.mark.parametrize("mode", ["extend", "replace"])
async def test_an_own_intent_is_heard_and_every_message_still_ends_well(open_stage: Open, mode: str) -> None:
    play = await open_stage(triage={"intents": {**OWN, "mode": mode}}, delivery=QUICK)
    for number, text in enumerate(
        ("刚买就降价，差价退不退", "附近有门店吗", "我的订单 20260101888 差价给我退了", "谢谢", "转人工")
    ):
        mark = play.mark
        await play.in_feishu(text)
        assert (await play.answer(DM, mark)).text.strip(), (number, text)
        await play.quiet()
    rows = await play.service.database.read(
        lambda c: c.execute(select(turns.c.findings, turns.c.outcome).order_by(turns.c.at)).all()
    )
    triages = [from_json(Findings, row.findings).triage for row in rows]
    assert (triages[0].intent, triages[0].category) == ("price_protection", "aftersale")
    assert (triages[1].intent, triages[1].category) == ("store_visit", "store_visit")
    assert rows[-1].outcome == "HandedOff"
    assert play.stage.ledger.violations == []


def test_ask_tells_the_own_intent_and_the_start_what_is_wrong(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path / "var")
    rows = [{"text": text, "label": "store_visit"} for text in VISIT]
    (tmp_path / "visits.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    config = tmp_path / "huiying.yaml"
    config.write_text("triage: {intents: {file: visits.jsonl, labels: {store_visit: {category: presale}}}}")
    asked = huiying("ask", "附近有没有实体店", "--json", cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    triage = json.loads(asked.stdout)["triage"]
    assert (triage["intent"], triage["category"]) == ("store_visit", "presale")
    config.write_text("triage: {intents: {labels: {store_visit: {examples: [有门店吗]}}}}")
    assert "store_visit has 1 different examples" in sentence(huiying("ask", "在吗", cwd=tmp_path))
