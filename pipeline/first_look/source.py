"""Recognises what a path holds: a table, a folder per label, SQuAD files or running text."""

from __future__ import annotations

import dataclasses
import json
import os
import posixpath
import re
from typing import Literal

from components import files
from components.example_gen import lines, text_form
from components.example_gen.text_form import WrongFormatError
from pipeline.first_look import table_form
from pipeline.first_look.table_form import TableForm

Form = Literal["table", "folders", "squad", "text"]

_JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")
# Suffixes under which texts are stored one by one, or in corpora.
_TEXT_SUFFIXES = (".txt", ".text", ".md")
# One of these keys begins every object in a file of SQuAD's form.
_SQUAD_KEY = re.compile(rb'"(paragraphs|qas|context)"\s*:')
_UTF8_MARK = b"\xef\xbb\xbf"
_WHAT_IS_READ = (
    "Give a table (.csv, .tsv, .jsonl), a folder with a folder of texts for each label, a SQuAD "
    "file (.json), or running text (.txt)."
)


@dataclasses.dataclass(frozen=True)
class Source:
    """What a path holds, and how the components would read it.

    Attributes:
        path: the path as the user gave it.
        form: what it holds.
        root: folder that a configuration should name as `data.root`, absolute.
        pattern: glob pattern of its files, relative to `root`.
        file_format: name of the format in a configuration; "json" for SQuAD files.
        encoding: the encoding in words.
        table: how a TSV or CSV file is divided into rows and columns; None for everything else.
        keys: keys of the first object of a JSON lines file; empty for everything else.
        labels: names of the folders if there is one for each label; empty for everything else.
        bytes: total size of the files, as stored.
        num_files: number of files.
    """

    path: str
    form: Form
    root: str
    pattern: str
    file_format: str
    encoding: str
    bytes: int
    table: TableForm | None = None
    keys: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    num_files: int = 1

    def pattern_from(self, root: str) -> str:
        """Returns the pattern of the files for a configuration with another `data.root`."""
        return (
            self.pattern if root == self.root else files.join(files.escape(self.root), self.pattern)
        )


def recognise(path: str, *, header: bool | None = None) -> Source:
    """Returns what a path holds.

    Args:
        path: path of a file or folder, local or `gs://`.
        header: whether the first row of a table names its columns; None looks at the rows.

    Raises:
        NoSuchFilesError: if there is nothing at the path.
        WrongFormatError: if nothing that a pipeline can read was recognised.
    """
    path = path.rstrip("/") or path
    if files.is_folder(path):
        return _folder(path)
    found = files.match(files.escape(path))
    if not found:
        raise files.NoSuchFilesError(
            f"There is no file or folder {path}; give the path of the data as it is now."
        )
    return _file(path, found[0].size, header)


def _file(path: str, size: int, header: bool | None) -> Source:
    with lines.open_decompressed(path) as file:
        head = lines.HeadedFile(file).head
    reason = text_form.not_text(head)
    if reason:
        # The check words its message for the format; any text format gives the same one here.
        text_form.check(head, path, "text")
    if not head.removeprefix(_UTF8_MARK).strip():
        raise WrongFormatError(f"{path} is empty; give a file with data in it.")
    folder, name = posixpath.split(_absolute(path))
    suffix = posixpath.splitext(lines.without_compression(name))[1].lower()
    is_whole = len(head) < text_form.HEAD_BYTES
    about = {"path": path, "root": folder, "pattern": files.escape(name), "bytes": size}
    about["encoding"] = _encoding(head, is_whole)
    first = head.removeprefix(_UTF8_MARK).lstrip()[:1]
    if suffix not in text_form.TABLE_SUFFIXES and (first in (b"{", b"[") or suffix == ".json"):
        return _json(head, suffix, about)
    table = table_form.find(head, path, suffix=suffix, is_whole=is_whole, header=header)
    if table is not None:
        return Source(form="table", file_format=table.file_format, table=table, **about)
    text_form.check(head, path, "text")
    return Source(form="text", file_format="text", **about)


def _json(head: bytes, suffix: str, about: dict) -> Source:
    is_squad = bool(_SQUAD_KEY.search(head))
    if is_squad and (suffix == ".json" or suffix in _JSON_LINES_SUFFIXES):
        return Source(form="squad", file_format="json", **about)
    if is_squad:
        raise WrongFormatError(
            f"{about['path']} looks like a SQuAD file; give it a name that ends in .json, or in "
            ".jsonl if each line holds an object."
        )
    text_form.check(head, about["path"], "jsonl")
    first_line = head.removeprefix(_UTF8_MARK).strip().partition(b"\n")[0]
    try:
        value = json.loads(first_line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not value:
        raise WrongFormatError(
            f"{about['path']} begins like JSON, but its first line is not an object such as "
            '{"text": "…", "label": "…"}; write one object on each line.'
        )
    keys = tuple(value)
    form: Form = "text" if len(keys) == 1 else "table"
    return Source(form=form, file_format="jsonl", keys=keys, **about)


def _folder(path: str) -> Source:
    root = _absolute(path)
    inside = files.match(files.join(files.escape(root), "*"))
    deeper = files.match(files.join(files.escape(root), "*", "*"))
    labels = sorted({posixpath.basename(posixpath.dirname(file.path)) for file in deeper})
    about = {"path": path, "root": root, "encoding": "looked at in each file"}
    suffixes = {posixpath.splitext(lines.without_compression(file.path))[1] for file in inside}
    size = sum(file.size for file in inside)
    if labels and not suffixes & {*_TEXT_SUFFIXES, ".json"}:
        return Source(
            form="folders",
            pattern="*/*",
            file_format="folders",
            labels=tuple(labels),
            bytes=sum(file.size for file in deeper),
            num_files=len(deeper),
            **about,
        )
    if ".json" in suffixes and not suffixes & set(_TEXT_SUFFIXES):
        return Source(form="squad", pattern="*.json", file_format="json", bytes=size, **about)
    texts = sorted(suffixes & set(_TEXT_SUFFIXES))
    if texts:
        pattern = f"*{texts[0]}"
        return Source(form="text", pattern=pattern, file_format="text", bytes=size, **about)
    names = ", ".join(sorted(posixpath.basename(file.path) for file in inside)[:5])
    holds = names or "no file, neither directly nor one folder deeper"
    raise WrongFormatError(
        f"The folder {path} holds {holds}, which is no data set. {_WHAT_IS_READ}"
    )


def _absolute(path: str) -> str:
    return path if "://" in path else os.path.abspath(path)


def _encoding(head: bytes, is_whole: bool) -> str:
    mark = " with a byte-order mark" if head.startswith(_UTF8_MARK) else ""
    # The last character of a head may be cut.
    content = head if is_whole else head[: head.rfind(b"\n") + 1]
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        hint = text_form.legacy_encoding(content[max(0, error.start - 10) :])
        return f"not UTF-8 ({hint}); convert it: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE"
    return f"UTF-8{mark}"
