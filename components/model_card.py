"""Writes the `README.md` that says what weights are: a model card.

It begins with metadata in YAML, which Hugging Face's hub reads, and continues in Markdown.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence

import yaml

from components import files

NAME = "README.md"
# The metadata before the text.
_HEAD = re.compile(rb"---\r?\n(.*?\n)---[ \t]*\r?\n", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the card.

    Attributes:
        title: its heading.
        lines: paragraphs of it, each on a line; texts from data are escaped by `escape`.
        table: rows of a table below them, the first of which is the header; empty for none.
    """

    title: str
    lines: Sequence[str] = ()
    table: Sequence[Sequence[object]] = ()


def escape(text: str) -> str:
    """Returns a text from data as Markdown that shows it on one line, and nothing else."""
    line = "".join(f"\\{c}" if c in r"\`*_[]<>|~" else c for c in " ".join(text.split()))
    # At the beginning of a line these would make a heading or a list.
    return f"\\{line}" if line.startswith(("#", "+", "-", "=")) else line


def write(
    folder: str, *, title: str, metadata: Mapping[str, object], sections: Iterable[Section]
) -> None:
    """Writes the card into a folder atomically.

    Args:
        folder: folder to write into.
        title: heading of the card.
        metadata: values for the hub, such as `pipeline_tag`.
        sections: the content; sections with nothing in them are left out.
    """
    head = yaml.safe_dump(dict(metadata), sort_keys=False, allow_unicode=True)
    parts = [f"---\n{head}---\n\n# {escape(title)}\n"]
    for section in sections:
        if not section.lines and not section.table:
            continue
        parts.append(f"\n## {section.title}\n")
        parts += [f"\n{line}\n" for line in section.lines]
        if section.table:
            header, *rows = section.table
            parts.append(f"\n{_row(header)}|{'---|' * len(header)}\n")
            parts += [_row(row) for row in rows]
    # JSON can hold half a surrogate pair, for which UTF-8 has no bytes.
    files.write_bytes(files.join(folder, NAME), "".join(parts).encode("utf-8", "replace"))


def with_library(content: bytes, name: str) -> bytes:
    """Returns a card that names another library in its metadata; without any it stays as it is."""
    found = _HEAD.match(content)
    if found is None:
        return content
    others = [
        line for line in found[1].splitlines(keepends=True) if not line.startswith(b"library_name:")
    ]
    head = [b"---\n", f"library_name: {name}\n".encode(), *others, b"---\n"]
    return b"".join(head) + content[found.end() :]


def _row(values: Sequence[object]) -> str:
    return "| " + " | ".join(escape(str(value)) for value in values) + " |\n"
