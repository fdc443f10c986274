"""`python -m components.preprocessing.question_answering`: turns paragraphs into records."""

from __future__ import annotations

import argparse

from components import standalone


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--uncased", action="store_true", help="texts are lowered")
    parser.add_argument("--keep-accents", action="store_true", help="accents are kept")
    parser.add_argument("--num-shards", type=int, help="files per split (default: by size)")
    parser.add_argument("--seed", type=int, default=0, help="of the records' order")


def _run(options: argparse.Namespace) -> None:
    windows = standalone.read_config(options)
    from components.preprocessing.question_answering.component import (
        QuestionAnsweringPreprocessor,
    )

    component = QuestionAnsweringPreprocessor(
        examples=standalone.channel("Examples"),
        sentencepiece_model=standalone.channel("SentencePieceModel"),
        windows=windows,
        uncased=options.uncased,
        keep_accents=options.keep_accents,
        num_shards=options.num_shards,
        seed=options.seed,
    )
    standalone.execute(
        component,
        inputs={
            "examples": options.examples,
            "sentencepiece_model": options.sentencepiece_model,
        },
        outputs={"records": options.records},
        beam_args=options.beam_args,
    )


COMMAND = standalone.Command(
    "paragraphs and questions to question answering records",
    _run,
    {
        "examples": "folder that components.example_gen squad wrote",
        "sentencepiece_model": "folder that components.tokenization wrote",
    },
    {"records": "gets the records"},
    "components.preprocessing.question_answering.config.WindowConfig",
    _add_arguments,
)

if __name__ == "__main__":
    standalone.run_and_exit("components.preprocessing.question_answering", COMMAND)
