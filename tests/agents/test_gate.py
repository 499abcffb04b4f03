"""The gate: what sounds like a line for the company, what a base's language tells, what a room teaches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import gate as gate_module
from agents.gate import SPEAK_FROM, Heard, LocalGate
from agents.gate_marks import LEANING, WIDTH, LibraryMarks, Places
from agents.gate_room import RoomLanguage, correct
from conversation.findings import Retrieval
from retrieval.models import weights_folder
from retrieval.models.weights_folder import DamagedModel
from retrieval.models.word_model import WordModel, WordReader

CORPUS = Path(__file__).resolve().parents[2] / "evals" / "corpus"
KNOWN, NOTHING = Retrieval(answerable=0.9, covered=0.9), Retrieval(answerable=0.05, covered=0.05)
#: Intents that want nothing of the company.
NO_WISH = ("smalltalk", "thanks_bye", "other")
#: A base large enough to have a language of its own.
MANUAL = (
    "安装模型部署工具前先用 pip install deploykit 装好依赖，再编译算子。",
    "转换模型时报错 missing operator，说明算子没有编译，请检查 onnx 的版本。",
    "训练时显存不够，可以减小 batch size，或者打开梯度检查点。",
    "量化之后精度下降，请换一组校准数据，并检查每一层的误差。",
)


@pytest.fixture(scope="module")
def gate() -> LocalGate:
    return LocalGate.shipped()


@pytest.fixture(scope="module")
def technical(gate: LocalGate) -> LocalGate:
    return gate.knowing([f"{line} 第{number}节" for number in range(2500) for line in MANUAL])


def rows(name: str, split: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (CORPUS / f"{name}.jsonl").read_text("utf-8").splitlines()]
    return [row for row in found if row["split"] == split]


def test_that_requests_sound_different_from_everyday_lines_of_unseen_authors(gate: LocalGate) -> None:
    messages = rows("messages", "dev")
    wishes = [row for row in messages if row["kind"] == "service" and row["intent"] not in NO_WISH]
    asked = np.array([gate.sounds(row["text"]) for row in wishes])
    talk = np.array([gate.sounds(row["text"]) for row in messages if row["kind"] == "everyday"])
    assert (asked[:, None] > talk[None, :]).mean() >= 0.9


def test_that_a_chance_of_sounding_means_what_it_says(gate: LocalGate) -> None:
    lines = [line for room in rows("rooms", "dev") for line in room["lines"] if line["role"] == "customer"]
    wanted = np.array([bool(line["speak"] or line["to_bot"]) for line in lines])
    sounds = np.array([gate.sounds(line["text"]) for line in lines])
    assert wanted[sounds >= 0.8].mean() > 0.5 > wanted[sounds < 0.3].mean() + 0.15


def test_that_a_small_base_is_asked_by_searching(gate: LocalGate) -> None:
    assert gate.chance(Heard("验证码收不到怎么办", KNOWN)) > 0.8
    assert gate.chance(Heard("验证码收不到怎么办", NOTHING)) < SPEAK_FROM
    assert gate.chance(Heard("哈哈哈笑死", KNOWN)) < gate.chance(Heard("验证码收不到怎么办", KNOWN))
    assert gate.chance(Heard("", KNOWN)) == 0.0


def test_that_a_large_base_knows_its_own_language(technical: LocalGate) -> None:
    for line in ("转换模型报错 missing operator 怎么办", "训练的时候显存不够，batch size 要减小吗"):
        assert technical.chance(Heard(line, NOTHING)) >= SPEAK_FROM, line
    for line in ("你们晚上吃什么", "有人一起去看电影吗", "今年年终奖发了吗"):
        assert technical.chance(Heard(line, KNOWN)) < SPEAK_FROM, line


def test_that_a_room_teaches_the_gate(gate: LocalGate) -> None:
    found = Retrieval(answerable=0.6, covered=0.6)
    wanted = [f"{thing}怎么用" for thing in ("洗衣机", "烤箱", "电饭煲", "风扇", "热水器", "空调")]
    unwanted = [f"{game}谁来组队" for game in ("王者", "吃鸡", "原神", "星露谷", "象棋", "扑克")]
    pairs = zip(wanted, unwanted, strict=True)
    history = [(Heard(text, found), text in wanted) for pair in pairs for text in pair]
    room = gate.for_room(history)
    assert room is not None
    assert room.chance(Heard("冰箱怎么用", found)) > room.chance(Heard("麻将谁来组队", found)) + 0.2
    assert room.chance(Heard(" ", found)) == 0.0
    assert gate.for_room(history[:3]) is None
    assert gate.for_room([one for one in history if one[1]] * 3) is None


def test_that_a_room_teaches_the_gate_of_a_large_base(technical: LocalGate) -> None:
    wanted = [f"{thing}的爱豆签名在哪领" for thing in ("小红", "小明", "小刚", "小美", "小李", "小王")]
    unwanted = [f"{part}训练的时候显存不够" for part in ("主干", "颈部", "头部", "骨架", "编码", "解码")]
    pairs = zip(wanted, unwanted, strict=True)
    room = technical.for_room([(Heard(text, NOTHING), text in wanted) for pair in pairs for text in pair])
    assert room is not None
    signature, memory = Heard("小陈的爱豆签名在哪领", NOTHING), Heard("颈部训练的时候显存还是不够", NOTHING)
    assert room.chance(signature) > technical.chance(signature)
    assert room.chance(memory) < technical.chance(memory)


def test_that_a_few_marked_lines_do_not_overrule_the_gate(technical: LocalGate) -> None:
    lines = ["转换模型报错", "量化之后精度下降", "编译算子要装什么", "梯度检查点怎么开", "校准数据怎么换"]
    talk = ["晚上吃什么", "一起看电影吗", "年终奖发了吗", "周末去哪玩", "今天真冷"]
    # Nearly all were marked silent: how often a bot speaks is not learnt from ten lines.
    history = [(Heard(text, NOTHING), text == lines[0]) for text in (*lines, *talk)]
    room = technical.for_room(history)
    assert room is not None
    asked = Heard("转换模型报错 missing operator 怎么办", NOTHING)
    assert room.chance(asked) >= SPEAK_FROM
    assert room.chance(Heard("有人一起去看电影吗", NOTHING)) < SPEAK_FROM


def test_that_words_that_stand_together_in_a_base_tell_more_than_the_same_words_apart() -> None:
    reader = WordReader()
    places = Places.learn([*MANUAL, "x " * 500], reader)
    together = places.best(reader.runs("训练时显存不够"))
    apart = places.best(reader.runs("训练，安装，误差，精度"))
    assert together > apart > 0
    assert places.best(reader.runs("哈哈哈")) == 0.0
    assert places.best(reader.runs("")) == 0.0
    assert Places.learn(["", "！"], reader).best(reader.runs("训练")) == 0.0


def test_that_a_pasted_log_or_an_empty_line_gets_as_many_marks_as_any() -> None:
    marks = LibraryMarks.learn(MANUAL, gate_module.shipped_model().talk)
    assert marks.of("").shape == marks.of("！").shape == marks.of("显存不够 " * 2000).shape == (WIDTH,)
    assert marks.leaning(marks.read("")).shape == marks.leaning(marks.read("显存不够")).shape == (LEANING,)


def test_that_a_correction_holds_where_a_room_contradicts_a_sure_gate() -> None:
    known, wanted = np.repeat([-9.0, 9.0], 20), np.repeat([1.0, 0.0], 20)
    found = correct(np.c_[known, -known], known, wanted, 3.0)
    corrected = found.logits(np.c_[known, -known]) + known
    assert np.abs(corrected).max() < 9.0
    assert np.all(corrected[:20] > known[:20])


def test_that_a_rooms_words_change_both_languages() -> None:
    marks = LibraryMarks.learn(MANUAL, gate_module.shipped_model().talk)
    answered, other = marks.read("豆哥豆哥显存不够"), marks.read("周末钓鱼")
    language = RoomLanguage.learn([answered, other], np.array([1.0, 0.0]))
    for line, towards_base in ((answered, True), (other, False)):
        before, after = marks.leaning(line), marks.leaning(line, language.adapted)
        assert bool(after[0] > before[0]) is towards_base


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=300))
def test_that_any_text_gets_a_chance(text: str) -> None:
    gate = LocalGate.shipped()
    assert 0.0 <= gate.chance(Heard(text, KNOWN)) <= 1.0
    assert 0.0 <= gate.sounds(text) <= 1.0


def test_that_an_empty_base_changes_nothing(gate: LocalGate) -> None:
    heard = Heard("怎么退款", KNOWN)
    assert gate.knowing([]).chance(heard) == gate.chance(heard)
    assert gate.knowing(["", "  "]).chance(heard) == gate.chance(heard)


def test_that_a_word_model_expects_what_it_has_read() -> None:
    reader = WordReader()
    model = WordModel.learn(["我要申请退款", "怎么申请退款", "退款多久到账"], reader)
    read, unread = (model.log_chances(reader.runs(text)).mean() for text in ("申请退款", "款退请申"))
    assert read > unread
    assert not len(model.log_chances(reader.runs("！！")))


def test_that_a_word_model_comes_back_from_its_arrays() -> None:
    reader = WordReader()
    model = WordModel.learn(["我要申请退款"] * 4, reader, longest=1)
    short = WordModel((type(model.runs[0])(*_masked(model)),), model.total, model.kinds, 24)
    back = WordModel.from_arrays(short.to_arrays("m"), "m")
    assert np.array_equal(back.runs[0].keys, short.runs[0].keys)
    assert back.runs[0].counts == pytest.approx(short.runs[0].counts, rel=0.25)


def _masked(model: WordModel) -> tuple[Any, Any, Any]:
    keys = model.runs[0].keys & np.uint64((1 << 24) - 1)
    order = np.argsort(keys)
    return keys[order], model.runs[0].counts[order], model.runs[0].followers[order]


def test_that_a_damaged_weights_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / gate_module.WEIGHTS).write_bytes(b"not a model")
    monkeypatch.setattr(weights_folder, "SHIPPED", tmp_path)
    with pytest.raises(DamagedModel, match=r"gate\.npz"):
        gate_module.shipped_model.__wrapped__()
