"""`python -m components.tokenization`: checks an existing vocabulary, or trains a new one."""

from __future__ import annotations

import argparse

from components import standalone


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vocabulary-size", type=int, help="pieces of the model to be trained")
    parser.add_argument("--uncased", action="store_true", help="texts are lowered for training")
    parser.add_argument("--keep-accents", action="store_true", help="accents are kept")
    parser.add_argument("--seed", type=int, default=0, help="of the sampling of sentences")
    parser.add_argument(
        "--text-features",
        nargs="+",
        default=["text_a", "text_b"],
        metavar="NAME",
        help="features of the examples that hold text (default: text_a text_b)",
    )


def _run(options: argparse.Namespace) -> None:
    from components.tokenization.component import SentencePieceGen

    component = SentencePieceGen(
        model_path=options.model_file,
        examples=standalone.channel("Examples") if options.examples else None,
        vocabulary_size=options.vocabulary_size,
        uncased=options.uncased,
        keep_accents=options.keep_accents,
        seed=options.seed,
        text_features=options.text_features,
    )
    standalone.execute(
        component,
        inputs={"examples": options.examples},
        outputs={"model": options.model},
    )


COMMAND = standalone.Command(
    "check an existing SentencePiece model, or train one on examples",
    _run,
    {"model_file?": "existing model", "examples?": "examples to train one on"},
    {"model": "gets spiece.model"},
    add_arguments=_add_arguments,
)

if __name__ == "__main__":
    standalone.run_and_exit("components.tokenization", COMMAND)
