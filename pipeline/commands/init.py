"""`xlnet-pipeline init`: writes a configuration for your own data."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipeline import programs, searched_folders
from pipeline.commands import data_arguments

if TYPE_CHECKING:
    from pipeline.first_look.source import Source

HELP = "write a configuration for your own data, after looking at them"
EXAMPLES = """\
  xlnet-pipeline init tickets.csv                 writes tickets.yaml, ready to run
  xlnet-pipeline init tickets.csv --text subject+body --label team --to mine.yaml
  xlnet-pipeline init train.csv --eval dev.csv    two files, one to train and one to evaluate on
  xlnet-pipeline init tickets.csv --init-from weights/xlnet_base
                                                  start from published weights
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments for the data, the vocabulary and the file to write."""
    data_arguments.add(parser)
    parser.add_argument(
        "--vocabulary",
        help="SentencePiece model; by default one is trained on the texts, or, with --init-from, "
        "the spiece.model in that folder is taken",
    )
    parser.add_argument(
        "--init-from",
        metavar="FOLDER",
        help="weights to start from, as `xlnet-pipeline convert … --to xlnet` writes them; by "
        "default a small network starts from random ones",
    )
    parser.add_argument("--to", help="file to write (by default the data's name with .yaml)")
    parser.add_argument(
        "--output", help="folder for everything that a run writes (by default runs/NAME)"
    )


def run(options: argparse.Namespace) -> int:
    """Writes the configuration, and prints what was found in the data; returns the exit status.

    Raises:
        FileExistsError: if the file exists already.
        ValueError: if the data are no data set, or the choice of columns is not clear.
    """
    from components import files
    from pipeline.first_configuration import yaml_text
    from pipeline.first_look import source

    path = options.to or f"{yaml_text.name_of(options.data)}.yaml"
    if not path.endswith((".yaml", ".yml")):
        raise ValueError(
            f"--to is {path}; the name of a configuration ends in .yaml, such as {path}.yaml."
        )
    _check_new(path)
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError(
            f"--to is {path}, but there is no folder {folder}; create it, or name another file."
        )
    if options.output is not None:
        searched_folders.check(options.output, setting="--output")
    if options.vocabulary and not files.exists(options.vocabulary):
        raise FileNotFoundError(
            f"--vocabulary is {options.vocabulary}, where there is no file; give a SentencePiece "
            "model, or leave it out to train one."
        )
    if options.init_from:
        _check_weights(options)
    found = source.recognise(options.data, header=options.header)
    searched_folders.check(found.root, setting="the folder of the data")
    judged = source.recognise(options.eval, header=options.header) if options.eval else None
    if judged is not None and judged.form != found.form:
        raise ValueError(
            f"{options.data} and {options.eval} hold data of different kinds ({found.form} and "
            f"{judged.form}); give data of the same form to train and to evaluate on."
        )
    described, configuration = _configuration(found, judged, options)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(configuration)
    except FileExistsError:
        _check_new(path)
        raise
    print("\n".join(described))
    print(f"{'written':14} {path}")
    print(f"{'next':14} {programs.this_command()} run {shlex.quote(path)}")
    return 0


def _check_new(path: str) -> None:
    if os.path.lexists(path):
        raise FileExistsError(
            f"{path} exists already and is not overwritten; name another file with --to."
        )


def _check_weights(options: argparse.Namespace) -> None:
    """Checks that the weights have a network and a vocabulary; finds the vocabulary beside them."""
    from components import files, vocabulary_file_name
    from pipeline.first_configuration import common_sections

    folder = options.init_from
    if not files.exists(files.join(folder, common_sections.NETWORK_NAME)):
        raise FileNotFoundError(
            f"--init-from is {folder}, which has no {common_sections.NETWORK_NAME}; give a folder "
            "that `xlnet-pipeline convert … --to xlnet` wrote, or that a pretraining pushed."
        )
    if options.vocabulary is None:
        options.vocabulary = files.join(folder, vocabulary_file_name.MODEL_FILE_NAME)
        if not files.exists(options.vocabulary):
            raise FileNotFoundError(
                f"{options.vocabulary} does not exist; give the SentencePiece model that belongs "
                "to the weights with --vocabulary."
            )


def _configuration(
    found: Source, judged: Source | None, options: argparse.Namespace
) -> tuple[Iterable[str], str]:
    """Returns lines that describe the data, and the text of the configuration."""
    from pipeline.first_configuration import classification, pretraining, question_answering
    from pipeline.first_look import documents, questions, table, wording

    vocabulary, init_from = (
        os.path.abspath(path) if path and "://" not in path else path
        for path in (options.vocabulary, options.init_from)
    )
    given = {
        "vocabulary": vocabulary,
        "output_root": options.output,
        "init_from": init_from,
    }
    if found.form in ("squad", "text") and (options.text or options.label or options.task):
        raise ValueError(
            f"--text, --label and --task are for tables, but {options.data} holds "
            f"{'questions about paragraphs' if found.form == 'squad' else 'running text'}; leave "
            "them out, or give a table."
        )
    if found.form == "squad":
        asked = questions.look(found, max_questions=options.rows)
        lines = list(wording.of_questions(asked))
        held_out = None
        if judged is not None:
            held_out = questions.look(judged, max_questions=options.rows)
            lines += wording.of_questions(held_out)
        return lines, question_answering.write(asked, evaluation=held_out, **given)
    if found.form == "text":
        texts = documents.look(found, max_documents=options.rows)
        return wording.of_documents(texts), pretraining.write(texts, evaluation=judged, **given)
    findings = table.look(found, max_rows=options.rows)
    chosen = data_arguments.choose(findings, options, evaluation=judged)
    dataset, examples = classification.divide(
        findings, chosen, max_rows=options.rows, evaluation=judged
    )
    text = classification.write(findings, chosen, dataset, examples, **given)
    return [*wording.of_table(findings), *wording.of_choice(chosen, examples)], text
