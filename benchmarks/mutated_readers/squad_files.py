"""SQuAD as JSON and as lines."""

from __future__ import annotations

import collections
import gzip
import json
import pathlib
from typing import Any

import zstandard

from benchmarks.mutated_readers.mutated_reader import Counted, MutatedReader, Seed, as_json
from components.dead_letters import DeadLetter
from components.example_gen import lines, text_form
from components.example_gen.question_answering import squad

_ARTICLES = [
    {
        "title": title,
        "paragraphs": [
            {
                "context": "Mira Holt lives in Dunmore. She has owned a clock since 1998.",
                "qas": [
                    {
                        "id": f"{title}1",
                        "question": "Who owns a clock?",
                        "answers": [{"text": "Mira Holt", "answer_start": 0}],
                        "is_impossible": False,
                    },
                    {"id": f"{title}2", "question": "Why?", "answers": [], "is_impossible": True},
                ],
            }
        ],
    }
    for title in ("Farm", "Été")
]


def _squad_seeds() -> list[Seed]:
    content = as_json({"version": "v2.0", "data": _ARTICLES})
    return [
        Seed("dev.json", content),
        Seed("dev.json", as_json(_ARTICLES)),
        Seed("dev.json", json.dumps({"data": _ARTICLES}, indent=1).encode()),
        Seed("dev.json.gz", content, gzip.compress),
    ]


def _squad_lines_seeds() -> list[Seed]:
    paragraphs = [paragraph for article in _ARTICLES for paragraph in article["paragraphs"]]
    # Ids are unique in a file.
    paragraphs = [_ARTICLES[0], paragraphs[1]]
    content = b"\n".join(map(as_json, paragraphs)) + b"\n"
    return [Seed("dev.jsonl", content), Seed("dev.jsonl.zst", content, zstandard.compress)]


def _read_squad(path: pathlib.Path) -> Counted:
    found = list(squad.read_file(str(path)))
    letters = [item for item in found if isinstance(item, DeadLetter)]
    for letter in letters:
        letter.to_json().encode()
    questions = sum(len(item.questions) for item in found if not isinstance(item, DeadLetter))
    expected = _squad_items(path) if path.suffix == ".json" else None
    return None if expected is None else (expected, questions + len(letters))


def _squad_items(path: pathlib.Path) -> int | None:
    """Questions, and parts that hold none; None if another reader of JSON sees something else."""
    content = path.read_bytes()
    if content.count(b'"') != content.decode(errors="replace").count('"'):
        return None
    pairs = collections.Counter()

    def unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
        pairs["repeated"] += len(members) - len(dict(members))
        return dict(members)

    try:
        value = json.loads(content, strict=False, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        return None
    articles = value.get("data") if isinstance(value, dict) else value
    if pairs["repeated"] or not isinstance(articles, list):
        return None
    total = 0
    for article in articles:
        paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
        if not isinstance(paragraphs, list):
            total += 1
            continue
        for paragraph in paragraphs:
            is_legal = (
                isinstance(paragraph, dict)
                and isinstance(paragraph.get("context"), str)
                and isinstance(paragraph.get("qas"), list)
            )
            total += len(paragraph["qas"]) if is_legal else 1
    return total


_ERRORS = (squad.SquadFormatError, text_form.WrongFormatError, lines.DamagedFileError)

READERS = (
    MutatedReader("squad", _squad_seeds, _read_squad, _ERRORS),
    MutatedReader("squad-lines", _squad_lines_seeds, _read_squad, _ERRORS),
)
