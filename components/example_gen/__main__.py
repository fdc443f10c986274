"""`python -m components.example_gen`: raw files to examples."""

from __future__ import annotations

import argparse

from components import standalone

_INPUTS = {"data_root": "folder in which the patterns of --config match"}
_OUTPUTS = {"examples": "gets the examples, a folder per split, and dead_letters/"}


def _run_text(options: argparse.Namespace) -> None:
    settings = standalone.read_config(options)
    from components.example_gen.component import TextExampleGen

    _run(TextExampleGen(options.data_root, settings), options)


def _run_squad(options: argparse.Namespace) -> None:
    settings = standalone.read_config(options)
    from components.example_gen.squad_component import SquadExampleGen

    _run(SquadExampleGen(options.data_root, settings), options)


def _run_corpus(options: argparse.Namespace) -> None:
    settings = standalone.read_config(options)
    from components.example_gen.corpus_component import CorpusExampleGen

    _run(CorpusExampleGen(options.data_root, settings), options)


def _run(component, options: argparse.Namespace) -> None:
    standalone.execute(
        component, inputs={}, outputs={"examples": options.examples}, beam_args=options.beam_args
    )


COMMANDS = {
    "text": standalone.Command(
        "rows of text files (GLUE, IMDb, Yelp, CSV, JSON lines, …)",
        _run_text,
        _INPUTS,
        _OUTPUTS,
        "components.example_gen.settings.TextExampleGenSettings",
    ),
    "squad": standalone.Command(
        "paragraphs of SQuAD files",
        _run_squad,
        _INPUTS,
        _OUTPUTS,
        "components.example_gen.squad_conversion.SquadSettings",
    ),
    "corpus": standalone.Command(
        "documents of running text",
        _run_corpus,
        _INPUTS,
        _OUTPUTS,
        "components.example_gen.corpus_conversion.CorpusSettings",
    ),
}

if __name__ == "__main__":
    standalone.run_and_exit("components.example_gen", COMMANDS)
