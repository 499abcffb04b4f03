"""Imports are idempotent, whole or not at all, and never undo what a person changed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from conversation.errors import BadDocument
from knowledge.entries import KnowledgeBase
from retrieval.keyword_index import KeywordIndex
from store.database import Database
from store.knowledge_rows import EntryWords

SAMPLE = Path(__file__).resolve().parents[2] / "knowledge" / "sample"


def faq(folder: Path, *rows: tuple[str, str], name: str = "faq.csv") -> Path:
    path = folder / name
    path.write_text("问题,答案\n" + "".join(f"{question},{answer}\n" for question, answer in rows), encoding="utf-8")
    return path


async def questions(base: KnowledgeBase) -> dict[str, tuple[str, int]]:
    return {entry.words.question: (entry.words.answer, entry.version) for entry in await base.live()}


async def test_a_file_is_imported_once(base: KnowledgeBase, tmp_path: Path) -> None:
    path = faq(tmp_path, ("怎么退货", "申请"), ("怎么换货", "找客服"))
    first = await base.import_paths([path])
    assert (first.added, first.changed) == (2, 0)
    revision = await base.revision()
    again = await base.import_paths([path])
    assert (again.added, again.changed, again.files[0].unchanged) == (0, 0, 2)
    assert await base.revision() == revision == 1


async def test_a_changed_row_becomes_a_version_and_the_others_stay(base: KnowledgeBase, tmp_path: Path) -> None:
    await base.import_paths([faq(tmp_path, ("怎么退货", "申请"), ("怎么换货", "找客服"))])
    report = await base.import_paths([faq(tmp_path, ("怎么退货", "在订单页申请"), ("怎么换货", "找客服"))])
    assert (report.added, report.changed, report.files[0].unchanged) == (0, 1, 1)
    assert await questions(base) == {"怎么退货": ("在订单页申请", 2), "怎么换货": ("找客服", 1)}


async def test_rows_that_left_the_file_are_counted_and_stay(base: KnowledgeBase, tmp_path: Path) -> None:
    await base.import_paths([faq(tmp_path, ("怎么退货", "申请"), ("怎么换货", "找客服"))])
    report = await base.import_paths([faq(tmp_path, ("怎么退货", "申请"))])
    assert report.files[0].gone == 1
    assert len(await questions(base)) == 2
    assert "已删去 1 条" in report.in_words()


async def test_an_edit_by_hand_outlives_the_next_import_of_the_same_file(base: KnowledgeBase, tmp_path: Path) -> None:
    path = faq(tmp_path, ("包邮吗", "满 79 元"))
    await base.import_paths([path])
    entry = (await base.live())[0]
    await base.change(entry.entry_id, EntryWords("包邮吗", "满 99 元"), author="li")
    assert (await base.import_paths([path])).changed == 0
    assert (await questions(base))["包邮吗"] == ("满 99 元", 2)
    await base.import_paths([faq(tmp_path, ("包邮吗", "满 59 元"))])
    assert (await questions(base))["包邮吗"] == ("满 59 元", 3)


async def test_a_retired_entry_stays_retired_until_its_file_changes(base: KnowledgeBase, tmp_path: Path) -> None:
    path = faq(tmp_path, ("包邮吗", "满 79 元"))
    await base.import_paths([path])
    await base.retire((await base.live())[0].entry_id)
    await base.import_paths([path])
    assert await base.live() == []
    await base.import_paths([faq(tmp_path, ("包邮吗", "满 59 元"))])
    assert await questions(base) == {"包邮吗": ("满 59 元", 2)}


async def test_one_broken_file_keeps_all_others_out(base: KnowledgeBase, tmp_path: Path) -> None:
    faq(tmp_path, ("怎么退货", "申请"))
    (tmp_path / "broken.jsonl").write_text('{"question":"a","answer":"b"}\n{"question":')
    (tmp_path / "worse.csv").write_text("型号,价格\n")
    with pytest.raises(BadDocument) as refused:
        await base.import_paths([tmp_path])
    assert "broken.jsonl:2" in str(refused.value)
    assert "worse.csv:1" in str(refused.value)
    assert await base.live() == []
    assert await base.revision() == 0


async def test_a_path_that_is_not_there_is_named(base: KnowledgeBase, tmp_path: Path) -> None:
    with pytest.raises(BadDocument, match="nowhere"):
        await base.import_paths([tmp_path / "nowhere.csv"])


async def test_a_folder_is_read_without_its_readme_and_hidden_files(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    faq(tmp_path / "deep", ("怎么退货", "申请"))
    (tmp_path / "README.md").write_text("# 关于\n说明\n")
    (tmp_path / ".hidden.md").write_text("# 秘密\n说明\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    report = await base.import_paths([tmp_path])
    assert [file.file for file in report.files] == ["deep/faq.csv"]


async def test_the_report_names_every_place_left_out(base: KnowledgeBase, tmp_path: Path) -> None:
    report = await base.import_paths([faq(tmp_path, ("怎么退货", "申请"), ("怎么换货", ""))])
    assert "新增 1，更新 0，未变 0，跳过 1" in report.in_words()
    assert "第 3 行" in report.in_words()


async def test_the_file_s_own_ids_name_the_entries_where_they_are_free(base: KnowledgeBase, tmp_path: Path) -> None:
    row = '{"doc_id":"faq-1","question":"怎么退货","answer":"申请"}'
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(row, encoding="utf-8")
    await base.import_paths([tmp_path / "a.jsonl"])
    await base.import_paths([tmp_path / "b.jsonl"])
    assert sorted(entry.entry_id.startswith("kb_") for entry in await base.live()) == [False, True]
    assert (await base.entry("faq-1")).source == "a.jsonl"


async def test_two_imports_at_once_add_every_entry_once(base: KnowledgeBase, tmp_path: Path) -> None:
    path = faq(tmp_path, *((f"问题{number}", "答") for number in range(40)))
    reports = await asyncio.gather(*(base.import_paths([path]) for _ in range(3)))
    assert sum(report.added for report in reports) == 40
    assert len(await base.live()) == 40


async def test_the_sample_is_imported_whole(
    base: KnowledgeBase, database: Database, keyword_index: KeywordIndex
) -> None:
    report = await base.import_paths([SAMPLE])
    assert {file.file for file in report.files} == {"faq.jsonl", "products.csv", "policies.md"}
    assert not any(file.skipped for file in report.files)
    assert report.added == len(await base.live()) > 100
    assert await database.read(keyword_index.count) == report.added
    assert (await base.import_paths([SAMPLE])).added == 0
