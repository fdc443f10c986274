"""Finds, checks, orders and reads the files of a data set.

`check_inputs` finds mistakes before a pipeline runs; `find_files` puts the files in order;
`read_items` yields the rows of a file.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import posixpath
from collections.abc import Iterator, Sequence

from components import files
from components.example_gen.classification import race_files, rows
from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.interpretation import RowInterpreter, locate
from components.example_gen.lines import is_compressed, open_decompressed, open_text
from components.example_gen.patterns import resolve

# How much larger a compressed text is assumed to be once decompressed. This only affects the number
# of shards and how rows are spread over them, never what is read.
_ASSUMED_COMPRESSION = 4
_GLOB_CHARACTERS = frozenset("*?[{")


@dataclasses.dataclass(frozen=True)
class InputFile:
    """One file to read.

    Attributes:
        path: full path of the file.
        name: path relative to the data root. For a file outside of it, its base name, or its full
            path if several such files have the same base name.
        split: input split that the file belongs to, a key of `TextDataset.splits`.
        number: index of the file among those of the split, which are sorted by path.
        first_byte: total (assumed) size in bytes of the split's files before this one.
        num_bytes: (assumed) decompressed size of the file in bytes, at least 1.
        is_namesake: whether another file of the split has the same name in a folder of the same
            name, such as `a/pos/1.txt` and `b/pos/1.txt`.
    """

    path: str
    name: str
    split: str
    number: int
    first_byte: int
    num_bytes: int
    is_namesake: bool = False


def find_files(dataset: TextDataset, data_root: str) -> dict[str, list[InputFile]]:
    """Finds the files of each split; an optional split without files is left out.

    Raises:
        NoSuchFilesError: if a required split has no files, or no split has any; the message names
            the pattern.
    """
    found = {}
    for name, split in dataset.splits.items():
        pattern = resolve(data_root, split.pattern)
        matches = files.match(pattern)
        if matches:
            sizes = {file.path: file.size for file in matches}
            found[name] = _in_order(name, sizes, data_root)
        elif split.required:
            raise files.NoSuchFilesError(
                f"No file matches {pattern!r} (split {name!r} of data set {dataset.name!r}). Check "
                "the data root and the split's pattern, and that this machine or service account "
                "may read there."
            )
    if not found:
        patterns = [resolve(data_root, split.pattern) for split in dataset.splits.values()]
        raise files.NoSuchFilesError(
            f"No file matches any of {patterns} (data set {dataset.name!r})."
        )
    _warn_of_overlap(found)
    return found


def check_inputs(dataset: TextDataset, data_root: str) -> dict[str, list[InputFile]]:
    """Checks what can be checked about the input before any component runs.

    Looks for the files of every split, and for the named columns in the header of each split's
    first file.

    Returns:
        The files of each split.

    Raises:
        NoSuchFilesError: if a pattern matches nothing; the message names the pattern.
        ColumnNotFoundError: if a header lacks a column.
    """
    found = find_files(dataset, data_root)
    for name, split_files in found.items():
        columns = dataset.columns_of(name)
        if not dataset.has_header(name) or not columns.names():
            continue
        first = split_files[0]
        for item in read_items(dataset, first, max_bytes=rows.MAX_ROW_BYTES):
            if isinstance(item, rows.Row):
                locate(columns, item.fields, first.path)
            if not isinstance(item, rows.BlankLine):
                break
    return found


def read_items(dataset: TextDataset, file: InputFile, *, max_bytes: int) -> Iterator[rows.Item]:
    """Yields the good and bad rows of one file, in order.

    Args:
        dataset: description of the data set, with the format of its files.
        file: the file to read.
        max_bytes: largest size of a legal row in bytes.

    Raises:
        DamagedFileError: if a compressed file is cut off.
        WrongFormatError: if a TSV, CSV or JSONL file is in fact something else.
    """
    if dataset.file_format in ("folders", "race"):
        opened = open_decompressed(file.path)
    else:
        opened = open_text(file.path, dataset.file_format)
    with opened as content:
        if dataset.file_format == "tsv":
            yield from rows.read_tsv(content, delimiter=dataset.delimiter, max_bytes=max_bytes)
        elif dataset.file_format == "csv":
            yield from rows.read_csv(content, delimiter=dataset.delimiter, max_bytes=max_bytes)
        elif dataset.file_format == "jsonl":
            yield from rows.read_jsonl(content, max_bytes=max_bytes)
        else:
            folder = posixpath.basename(posixpath.dirname(_posix(file.path)))
            stem = posixpath.splitext(posixpath.basename(_posix(file.path)))[0]
            name = posixpath.splitext(file.name)[0] if file.is_namesake else f"{folder}-{stem}"
            guid = f"{dataset.guid_prefix(file.split)}-{name}"
            if dataset.file_format == "race":
                yield from race_files.read(content, level=folder, guid=guid, max_bytes=max_bytes)
            else:
                yield from rows.read_folder_file(
                    content, folder=folder, guid=guid, max_bytes=max_bytes
                )


def row_guid_prefix(dataset: TextDataset, file: InputFile) -> str:
    """Returns what comes before the number of a row in its guid.

    Rows are numbered anew in each file. To keep guids unique, the prefix includes the name of the
    file if the pattern can match several files, whether or not it does.
    """
    prefix = dataset.guid_prefix(file.split)
    if _GLOB_CHARACTERS.isdisjoint(dataset.splits[file.split].pattern):
        return prefix
    return f"{prefix}-{file.name}"


def interpreter(
    dataset: TextDataset, file: InputFile, *, header: Sequence[str] | None
) -> RowInterpreter:
    """Makes what turns the rows of a file into examples.

    Args:
        dataset: description of the data set.
        file: the file.
        header: names of its columns; None if it has no header.

    Raises:
        ColumnNotFoundError: if the header lacks a column.
    """
    return RowInterpreter(
        dataset,
        dataset.columns_of(file.split),
        source_file=file.name,
        guid_prefix=row_guid_prefix(dataset, file),
        header=header,
    )


def _warn_of_overlap(found: dict[str, list[InputFile]]) -> None:
    split_of: dict[str, str] = {}
    for split, split_files in found.items():
        for file in split_files:
            other = split_of.setdefault(file.path, split)
            if other != split:
                logging.warning(
                    "%s is read for both %s and %s: what is measured on it says nothing about "
                    "new texts.",
                    file.path,
                    other,
                    split,
                )
                return


def _in_order(split: str, sizes: dict[str, int], data_root: str) -> list[InputFile]:
    root = _posix(data_root).rstrip("/") + "/"
    outside = collections.Counter(
        posixpath.basename(_posix(path)) for path in sizes if not _posix(path).startswith(root)
    )
    namesakes = collections.Counter(map(_folder_and_stem, sizes))
    ordered = []
    first_byte = 0
    for number, path in enumerate(sorted(sizes)):
        inside = _posix(path).startswith(root)
        name = _posix(path)[len(root) :] if inside else posixpath.basename(_posix(path))
        if not inside and outside[name] > 1:
            # Guids contain the name, so it has to be unique.
            name = _posix(path)
        # Count at least one byte, so that an empty file has a position as well.
        num_bytes = max(1, sizes[path] * (_ASSUMED_COMPRESSION if is_compressed(path) else 1))
        is_namesake = namesakes[_folder_and_stem(path)] > 1
        ordered.append(InputFile(path, name, split, number, first_byte, num_bytes, is_namesake))
        first_byte += num_bytes
    return ordered


def _folder_and_stem(path: str) -> tuple[str, str]:
    folder, name = posixpath.split(_posix(path))
    return posixpath.basename(folder), posixpath.splitext(name)[0]


def _posix(path: str) -> str:
    return path.replace("\\", "/")
