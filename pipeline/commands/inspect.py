"""`xlnet-pipeline inspect`: says what is in a file or folder, before anything is configured."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.commands import data_arguments

if TYPE_CHECKING:
    from pipeline.first_look.table import TableFindings

HELP = "say what is in a file or folder of data, and what looks wrong with it"
EXAMPLES = """\
  xlnet-pipeline inspect tickets.csv              columns, labels, lengths, duplicates
  xlnet-pipeline inspect train-v2.0.json          articles, questions and answers
"""

add_arguments = data_arguments.add


def run(options: argparse.Namespace) -> int:
    """Prints what was found; returns the exit status."""
    from pipeline.first_look import documents, questions, source, table, wording
    from pipeline.first_look.undecided import UndecidedError

    found = source.recognise(options.data, header=options.header)
    if found.form == "squad":
        lines = wording.of_questions(questions.look(found, max_questions=options.rows))
    elif found.form == "text":
        lines = wording.of_documents(documents.look(found, max_documents=options.rows))
    else:
        findings = table.look(found, max_rows=options.rows)
        print("\n".join(wording.of_table(findings)))
        try:
            lines = list(_choice(findings, options))
        except UndecidedError as error:
            lines = [f"warning: {error}"]
    print("\n".join(lines))
    return 0


def _choice(findings: TableFindings, options: argparse.Namespace) -> Iterator[str]:
    from pipeline.first_configuration import classification
    from pipeline.first_look import source, wording

    judged = source.recognise(options.eval, header=options.header) if options.eval else None
    chosen = data_arguments.choose(findings, options, evaluation=judged)
    _, examples = classification.divide(findings, chosen, max_rows=options.rows, evaluation=judged)
    return wording.of_choice(chosen, examples)
