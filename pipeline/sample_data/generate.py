"""Writes the sample data set: `python -m pipeline.sample_data.generate [directory]`.

Everything is made from the templates and words in this package with a fixed seed. The files that
are committed beside this module are exactly what it writes, which a test checks.
"""

from __future__ import annotations

import json
import pathlib
import random
import sys
from typing import Any

from pipeline.sample_data import SAMPLE_DATA_DIRECTORY
from pipeline.sample_data.documents import make_documents
from pipeline.sample_data.paragraphs import make_data_set
from pipeline.sample_data.reviews import make_reviews

_SEED = "xlnet-pipeline sample 1"
_REVIEWS = {"train": 1000, "eval": 200, "test": 100}
_NUM_DOCUMENTS = 300
# Name of the split, number of paragraphs, and whether several answers are listed.
_PARAGRAPHS = (("train", 480, False), ("dev", 30, True))


def generate() -> dict[str, str]:
    """Makes the contents of all files, by path relative to the sample's directory."""
    contents = {}
    # The splits are drawn together, so that no text is in two of them.
    reviews = make_reviews(_draw("classification"), sum(_REVIEWS.values()))
    for split, number in _REVIEWS.items():
        rows, reviews = reviews[:number], reviews[number:]
        lines = ["text\tlabel", *(f"{review.text}\t{review.label}" for review in rows)]
        contents[f"classification/{split}.tsv"] = "\n".join(lines) + "\n"

    documents = make_documents(_draw("corpus"), _NUM_DOCUMENTS)
    contents["corpus/documents.txt"] = "\n".join(
        "".join(f"{sentence}\n" for sentence in document) for document in documents
    )

    for split, num_paragraphs, several_answers in _PARAGRAPHS:
        data_set = make_data_set(
            _draw(f"question_answering/{split}"),
            num_paragraphs=num_paragraphs,
            prefix=f"sample-{split}",
            several_answers=several_answers,
        )
        contents[f"question_answering/{split}.json"] = _in_lines(data_set)
    return contents


def _in_lines(data_set: dict[str, Any]) -> str:
    """Formats the data set as JSON with one article per line."""
    articles = [json.dumps(article, ensure_ascii=False) for article in data_set["data"]]
    version = json.dumps(data_set["version"])
    return f'{{"version": {version}, "data": [\n' + ",\n".join(articles) + "\n]}\n"


def _draw(stage: str) -> random.Random:
    # Seed with a text, because a tuple would be hashed and a number could not include the stage.
    return random.Random(f"{_SEED}/{stage}")


def main() -> None:
    """Writes the files into the directory given on the command line, by default the package's."""
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE_DATA_DIRECTORY
    for name, content in generate().items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
        print(f"{path}: {len(content.encode()):,} bytes")


if __name__ == "__main__":
    main()
