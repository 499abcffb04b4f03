"""Brings files into the base: read everything first, then write all of it in one transaction, or nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from conversation.errors import BadDocument, RetryLater
from knowledge.readers import READERS, read_document
from knowledge.readers.document import Document, ReadEntry, Skipped
from retrieval.keyword_index import IndexedWords, KeywordIndex, indexed_words
from store.database import Database
from store.knowledge_changes import bump_revision, insert_entries, lock_state, write_versions
from store.knowledge_rows import LIVE, KnowledgeEntry, SourceRow, ids_in_use, rows_of_source

#: Larger files are refused: they are no knowledge that a person wrote.
LARGEST_FILE = 50_000_000
#: How often a plan is made again because somebody else imported the same source meanwhile.
TRIES = 3
AUTHOR = "import"


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file. `gone` counts entries of an earlier import that the file no longer has; they stay."""

    file: str
    added: int
    changed: int
    unchanged: int
    gone: int
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, file by file."""

    files: tuple[FileReport, ...] = ()

    @property
    def added(self) -> int:
        """New entries."""
        return sum(file.added for file in self.files)

    @property
    def changed(self) -> int:
        """Entries that got a new version."""
        return sum(file.changed for file in self.files)

    def in_words(self) -> str:
        """The report for a person: a line per file, and one for each place that gave no entry."""
        lines: list[str] = []
        for file in self.files:
            counts = f"新增 {file.added}，更新 {file.changed}，未变 {file.unchanged}，跳过 {len(file.skipped)}"
            gone = f"；文件中已删去 {file.gone} 条，库中仍保留" if file.gone else ""
            lines.append(f"{file.file}：{counts}{gone}")
            lines.extend(f"  第 {place.line} 行：{place.reason}" for place in file.skipped)
        return "\n".join(lines) or "没有可导入的文件。"


@dataclass(frozen=True, slots=True)
class Plan:
    """What importing a document would write, and what it saw of the base when it was made."""

    document: Document
    seen: dict[str, SourceRow]
    added: list[KnowledgeEntry]
    changed: list[KnowledgeEntry]
    words: list[IndexedWords]

    @property
    def report(self) -> FileReport:
        """What the plan does."""
        keys = {entry.key for entry in self.document.entries}
        return FileReport(
            file=self.document.name,
            added=len(self.added),
            changed=len(self.changed),
            unchanged=len(self.document.entries) - len(self.added) - len(self.changed),
            gone=sum(row.status == LIVE and key not in keys for key, row in self.seen.items()),
            skipped=self.document.skipped,
        )


async def import_paths(
    database: Database,
    keyword_index: KeywordIndex,
    paths: Sequence[Path],
    *,
    clock: Callable[[], float],
    author: str = AUTHOR,
) -> ImportReport:
    """Imports files and folders. What a file says as before costs nothing; what it says anew becomes a new version.

    So an entry that was edited or retired by hand stays so until its file changes.

    A file is known by its name (under the folder given), an entry by its id, question or heading. Raises `BadDocument`
    naming every broken file, and then nothing was written; `RetryLater` when the database is gone.
    """
    documents = await asyncio.to_thread(read_documents, paths)
    for _ in range(TRIES):
        plans = await _plan(database, documents, author, clock())
        if await database.write(partial(_carry_out, plans=plans, keyword_index=keyword_index, now=clock())):
            return ImportReport(tuple(plan.report for plan in plans))
    raise RetryLater("somebody else is importing the same files; try again when that is done")


def read_documents(paths: Sequence[Path]) -> list[Document]:
    """Reads all files. Raises one `BadDocument` that names what is wrong with each broken one."""
    read: dict[str, Document] = {}
    broken: list[str] = []
    for name, path in _files(paths):
        try:
            if name in read:
                raise BadDocument(f"{path}: two files are called {name}; import them one after the other")
            read[name] = read_document(name, _content(path))
        except BadDocument as error:
            broken.append(str(error))
    if broken:
        raise BadDocument("; ".join(broken))
    return list(read.values())


def _files(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """The files with the names by which they are known; of a folder those that a reader takes, without READMEs."""
    for path in paths:
        if not path.exists():
            raise BadDocument(f"{path}: there is no such file or folder")
        if path.is_file():
            yield path.name, path
            continue
        for inner in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in inner.relative_to(path).parts)
            known = inner.suffix.lower() in READERS and inner.stem.lower() != "readme"
            if inner.is_file() and known and not hidden:
                yield inner.relative_to(path).as_posix(), inner


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BadDocument(f"{path}: larger than {LARGEST_FILE // 1_000_000} MB; split it")
        return path.read_bytes()
    except OSError as error:
        raise BadDocument(f"{path}: cannot be read ({error.strerror})") from error


async def _plan(database: Database, documents: Sequence[Document], author: str, now: float) -> list[Plan]:
    wanted = [_own_id(entry) for document in documents for entry in document.entries if entry.own_id]

    def look(connection: Connection) -> tuple[list[dict[str, SourceRow]], set[str]]:
        return [rows_of_source(connection, document.name) for document in documents], ids_in_use(connection, wanted)

    seen, taken = await database.read(look)
    return await asyncio.to_thread(
        lambda: [
            _plan_document(document, known, taken, author, now) for document, known in zip(documents, seen, strict=True)
        ]
    )


def _plan_document(document: Document, seen: dict[str, SourceRow], taken: set[str], author: str, now: float) -> Plan:
    added: list[KnowledgeEntry] = []
    changed: list[KnowledgeEntry] = []
    for read in document.entries:
        known = seen.get(read.key)
        if known is not None and known.content_hash == read.words.content_hash:
            continue
        entry = KnowledgeEntry(
            entry_id=known.entry_id if known else _new_entry_id(document.name, read, taken),
            version=known.version + 1 if known else 1,
            words=read.words,
            source=document.name,
            source_key=read.key,
            author=author,
            written_at=now,
        )
        taken.add(entry.entry_id)
        (changed if known else added).append(entry)
    return Plan(document, seen, added, changed, [indexed_words(entry) for entry in (*added, *changed)])


def _new_entry_id(source: str, read: ReadEntry, taken: set[str]) -> str:
    """The file's own id where it is free, else one made of source and key: the same at every import."""
    if read.own_id and _own_id(read) not in taken:
        return _own_id(read)
    name = f"{source}\n{read.key}"
    return f"kb_{hashlib.sha256(name.encode()).hexdigest()[:20]}"


def _own_id(read: ReadEntry) -> str:
    return read.key[:200]


def _carry_out(connection: Connection, *, plans: Sequence[Plan], keyword_index: KeywordIndex, now: float) -> bool:
    """Writes all plans; False, and nothing written, when the base is no longer what they were made for."""
    lock_state(connection)
    if any(rows_of_source(connection, plan.document.name) != plan.seen for plan in plans):
        return False
    for plan in plans:
        insert_entries(connection, plan.added)
        write_versions(connection, plan.changed, from_source=True)
        keyword_index.put(connection, plan.words)
    if any(plan.words for plan in plans):
        bump_revision(connection, now)
    return True
