"""Recognises what a path holds: a table, a folder per label, SQuAD files or running text."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import os
import posixpath
import re
from typing import Literal

from components import files, json_text
from components.example_gen import lines, text_form
from components.example_gen.classification import rows
from components.example_gen.text_form import WrongFormatError
from pipeline.first_look import table_form
from pipeline.first_look.table_form import TableForm

Form = Literal["table", "folders", "squad", "text"]

# Suffixes under which texts are stored one by one, or in corpora.
_TEXT_SUFFIXES = (".txt", ".text", ".md")
# The keys of SQuAD's articles and of its paragraphs, in a file with more than an object in a line.
_SQUAD_KEYS = (rb'"paragraphs"\s*:', rb'"context"\s*:', rb'"qas"\s*:')
# The objects of a JSON lines file whose keys are looked at; the first may lack some.
_FIRST_OBJECTS = 100
_READABLE = (*_TEXT_SUFFIXES, ".json", *text_form.TABLE_SUFFIXES, *text_form.JSON_LINES_SUFFIXES)
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
        keys: keys of the first objects of a JSON lines file; empty for everything else.
        labels: names of the folders if there is one for each label; empty for everything else.
        left_out: names of the files and folders in a folder that are not read.
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
    left_out: tuple[str, ...] = ()
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
        headed = lines.HeadedFile(file)
        head = headed.head
        keys = _keys(headed)
    reason = text_form.not_text(head)
    if reason:
        # The check words its message for the format; any text format gives the same one here.
        text_form.check(head, path, "text")
    if not head.removeprefix(text_form.UTF8_MARK).strip():
        raise WrongFormatError(f"{path} is empty; give a file with data in it.")
    folder, name = posixpath.split(_absolute(path))
    suffix = posixpath.splitext(lines.without_compression(name))[1].lower()
    is_whole = len(head) < text_form.HEAD_BYTES
    about = {"path": path, "root": folder, "pattern": files.escape(name), "bytes": size}
    about["encoding"] = _encoding(head, is_whole)
    first = head.removeprefix(text_form.UTF8_MARK).lstrip()[:1]
    if suffix not in text_form.TABLE_SUFFIXES and (first in (b"{", b"[") or suffix == ".json"):
        return _json(head, keys, suffix, about)
    table = table_form.find(head, path, suffix=suffix, is_whole=is_whole, header=header)
    if table is not None:
        return Source(form="table", file_format=table.file_format, table=table, **about)
    text_form.check(head, path, "text")
    return Source(form="text", file_format="text", **about)


def _keys(file: lines.HeadedFile) -> tuple[str, ...]:
    """Returns the keys of the first objects of a JSON lines file; nothing for other files."""
    keys: dict[str, None] = {}
    if not file.head.removeprefix(text_form.UTF8_MARK).lstrip().startswith(b"{"):
        return ()
    for line in itertools.islice(
        lines.read_lines(file, max_bytes=rows.MAX_ROW_BYTES), _FIRST_OBJECTS
    ):
        try:
            value = json_text.loads(line.content.decode("utf-8-sig"))
        except ValueError:
            value = None
        if isinstance(value, dict):
            keys |= dict.fromkeys(value)
        if (line.content.strip() and not keys) or line.offset > rows.MAX_ROW_BYTES:
            break
    return tuple(keys)


def _json(head: bytes, keys: tuple[str, ...], suffix: str, about: dict) -> Source:
    if keys and "data" not in keys:
        is_squad = "paragraphs" in keys or {"context", "qas"} <= set(keys)
    else:
        paragraphs, context, questions = (bool(re.search(key, head)) for key in _SQUAD_KEYS)
        is_squad = paragraphs or (context and questions)
    if is_squad and suffix in (".json", *text_form.JSON_LINES_SUFFIXES):
        return Source(form="squad", file_format="json", **about)
    if is_squad:
        raise WrongFormatError(
            f"{about['path']} looks like a SQuAD file; give it a name that ends in .json, or in "
            ".jsonl if each line holds an object."
        )
    text_form.check(head, about["path"], "jsonl")
    if not keys:
        raise WrongFormatError(
            f"{about['path']} begins like JSON, but its first line is not an object such as "
            '{"text": "…", "label": "…"}; write one object on each line.'
        )
    form: Form = "text" if len(keys) == 1 else "table"
    return Source(form=form, file_format="jsonl", keys=keys, **about)


def _folder(path: str) -> Source:
    root = _absolute(path)
    inside, deeper = (_visible(root, pattern) for pattern in ("*", "*/*"))
    labels = sorted({posixpath.dirname(name) for name in deeper})
    sizes: collections.Counter[str] = collections.Counter()
    for name, size in inside.items():
        sizes[_suffix(name)] += size
    readable = {suffix: size for suffix, size in sizes.items() if _plain(suffix) in _READABLE}
    suffix = max(sorted(readable), key=sizes.__getitem__, default="")
    if len(labels) > 1 or (labels and not inside):
        form, file_format, pattern, taken = "folders", "folders", "*/*", deeper
    elif _plain(suffix) in (*_TEXT_SUFFIXES, ".json"):
        form, file_format = "text", "text"
        if _plain(suffix) == ".json":
            form, file_format = "squad", "json"
        pattern = f"*{files.escape(suffix)}"
        taken = {name: size for name, size in inside.items() if name.endswith(suffix)}
    else:
        names = ", ".join([*sorted(inside), *(f"{label}/" for label in labels)][:5])
        holds = names or "no file, neither directly nor one folder deeper"
        advice = "Give one of its tables." if suffix else _WHAT_IS_READ
        raise WrongFormatError(f"The folder {path} holds {holds}, which is no data set. {advice}")
    if len(taken) < len(files.match(files.join(files.escape(root), pattern))):
        pattern = "/".join(f"[!.]{part}" for part in pattern.split("/"))
    return Source(
        path=path,
        form=form,
        root=root,
        pattern=pattern,
        file_format=file_format,
        encoding="looked at in each file",
        bytes=sum(taken.values()),
        labels=tuple(labels) if form == "folders" else (),
        left_out=tuple(sorted(files.names(root) - {name.partition("/")[0] for name in taken})),
        num_files=len(taken),
    )


def _visible(root: str, pattern: str) -> dict[str, int]:
    """Returns the sizes of files by their names in a folder.

    Names that begin with a dot are left out, because such files and folders are made by programs,
    as .DS_Store and .ipynb_checkpoints are.
    """
    found = files.match(files.join(files.escape(root), pattern))
    sizes = {file.path[len(files.join(root, "")) :]: file.size for file in found}
    return {name: size for name, size in sizes.items() if "/." not in f"/{name}"}


def _suffix(name: str) -> str:
    """Returns the suffix of a name, together with that of its compression."""
    return name[len(posixpath.splitext(lines.without_compression(name))[0]) :]


def _plain(suffix: str) -> str:
    return lines.without_compression(suffix).lower()


def _absolute(path: str) -> str:
    return path if "://" in path else os.path.abspath(path)


def _encoding(head: bytes, is_whole: bool) -> str:
    mark = " with a byte-order mark" if head.startswith(text_form.UTF8_MARK) else ""
    # The last character of a head may be cut.
    content = head if is_whole else head[: head.rfind(b"\n") + 1]
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        hint = text_form.legacy_encoding(content[max(0, error.start - 10) :])
        return f"not UTF-8 ({hint}); convert it: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE"
    return f"UTF-8{mark}"
