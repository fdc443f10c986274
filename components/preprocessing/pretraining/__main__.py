"""`python -m components.preprocessing.pretraining`: turns documents into ordered records."""

from __future__ import annotations

import argparse

from components import standalone


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from-pieces",
        action="store_true",
        help="the texts are ids of pieces, separated by white space",
    )


def _run(options: argparse.Namespace) -> None:
    config = standalone.read_config(options)
    from components.preprocessing.pretraining.component import PretrainingPreprocessor

    component = PretrainingPreprocessor(
        examples=standalone.channel("Examples"),
        sentencepiece_model=standalone.channel("SentencePieceModel"),
        config=config,
        from_raw_text=not options.from_pieces,
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
    "documents to ordered pretraining records",
    _run,
    {
        "examples": "folder that components.example_gen corpus wrote",
        "sentencepiece_model": "folder that components.tokenization wrote",
    },
    {"records": "gets the records"},
    "components.preprocessing.pretraining.config.PretrainingDataConfig",
    _add_arguments,
)

if __name__ == "__main__":
    standalone.run_and_exit("components.preprocessing.pretraining", COMMAND)
