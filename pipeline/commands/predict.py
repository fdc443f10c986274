"""`xlnet-pipeline predict`: applies a pushed model to texts, questions, or files of a test set."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.serving.pushed_model import PushedModel

HELP = "predict with a pushed model: files, standard input, a terminal, GLUE and SQuAD test files"
EXAMPLES = """\
  xlnet-pipeline predict runs/sample/serving      asks for texts, one after the other
  xlnet-pipeline predict runs/sample/serving reviews.tsv --output scores.csv
  xlnet-pipeline predict runs/qa/serving - < questions.jsonl
  xlnet-pipeline predict runs/rte/serving --glue rte --data GLUE/RTE --output submission
  xlnet-pipeline predict runs/qa/serving --squad test-v2.0.json --output answers
"""

_MAX_SHOWN = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the model, the input and the output."""
    # --glue has no `choices`, because the module that lists the tasks imports TensorFlow.
    parser.add_argument(
        "model", help="output of a run, folder that it pushed to, or one SavedModel"
    )
    parser.add_argument(
        "input",
        nargs="?",
        help="file with a text or a JSON object on each line, or .tsv or .csv with a header; "
        '"-" reads standard input; without it texts are asked for',
    )
    parser.add_argument("--glue", metavar="TASK", help="write a submission file for this GLUE task")
    parser.add_argument("--data", help="folder of the task's files (with --glue)")
    parser.add_argument("--squad", metavar="FILE", help="answer the questions of a SQuAD file")
    parser.add_argument(
        "--output",
        help="file for the predictions: a table if it ends in .csv or .tsv, an array in .json, "
        "else a JSON object on each line; a folder with --glue and --squad",
    )
    parser.add_argument(
        "--batch-size", type=int, default=64, help="texts at a time (default %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Predicts for the given input, or asks for texts if there is none; returns the exit status."""
    _check(options)
    from components.serving.pushed_model import PushedModel
    from pipeline import pushed_folder

    model = PushedModel.latest(pushed_folder.of(options.model))
    if options.glue:
        from components.serving import glue_submission

        path = glue_submission.write(
            model,
            options.glue,
            data_root=options.data,
            directory=options.output,
            batch_size=options.batch_size,
        )
        print(f"written: {path}")
    elif options.squad:
        from components.serving import squad_predictions

        counts = squad_predictions.write(
            model, options.squad, directory=options.output, batch_size=options.batch_size
        )
        print(f"{counts['answered']:,} of {counts['questions']:,} questions answered")
    elif options.input is None:
        _talk(model)
    else:
        _predict_file(model, options)
    return 0


def _check(options: argparse.Namespace) -> None:
    if sum(map(bool, (options.input, options.glue, options.squad))) > 1:
        raise ValueError("Give one of: an input file, --glue, --squad.")
    if options.batch_size < 1:
        raise ValueError(f"--batch-size must be at least 1, not {options.batch_size}.")
    if (options.glue or options.squad) and not options.output:
        raise ValueError("--glue and --squad need --output, a folder.")
    if options.output and not (options.input or options.glue or options.squad):
        raise ValueError(
            '--output needs something to predict: an input file, "-" for standard input, --glue or '
            "--squad."
        )
    if options.output and options.input:
        from components.serving import prediction_files

        prediction_files.check_name(options.output)
    if options.data and not options.glue:
        raise ValueError("--data is the folder of a GLUE task's files; name the task with --glue.")
    if options.glue:
        from components.serving import glue_submission

        if options.glue not in glue_submission.task_names():
            legal = ", ".join(glue_submission.task_names())
            raise ValueError(f"--glue {options.glue}: there is no such task; legal are {legal}.")
        if not options.data:
            raise ValueError("--glue needs --data, the folder of the task's files.")


def _predict_file(model: PushedModel, options: argparse.Namespace) -> None:
    from components.serving import prediction_files, text_rows

    predicted = text_rows.predict_file(
        model, options.input, batch_size=options.batch_size, stdin=sys.stdin.buffer
    )
    if options.output:
        prediction_files.write(predicted, options.output, quotes_tabs=model.columns.quotes_tabs)
    else:
        for line in prediction_files.format_rows(predicted, ""):
            # The output may not have all characters, such as half of a surrogate pair.
            encoding = sys.stdout.encoding or "utf-8"
            text = line.encode(encoding, "backslashreplace").decode(encoding)
            print(text, end="", flush=True)


def _talk(model: PushedModel) -> None:
    """Asks for texts and prints predictions, until an empty line or the end of the input."""
    from components.serving import text_rows

    inputs, columns = text_rows.inputs_of(model), model.columns
    print("An empty line ends.", file=sys.stderr)
    while True:
        row = {}
        for name, length in inputs.items():
            prompts = [name] if length is None else [f"{name} {n + 1}" for n in range(length)]
            try:
                texts = [input(f"{prompt}: ") for prompt in prompts]
            except EOFError:
                return
            if not all(text.strip() for text in texts) and name != "text_b":
                return
            row[name] = texts[0] if length is None else texts
        try:
            checked = text_rows.check(row, "The input", inputs=inputs, columns=columns)
        except text_rows.TextRowError as error:
            print(error, file=sys.stderr)
            continue
        (found,) = text_rows.predict(model, [checked], batch_size=1)
        print(_in_words(found["prediction"]))


def _in_words(prediction: Any) -> str:
    if isinstance(prediction, float):
        return f"  {prediction:.3f}"
    if "answer" in prediction:
        scored = zip(prediction["answers"], prediction["scores"], strict=True)
        listed = [f"  {score:.3f}  {answer}" for answer, score in scored if answer]
        head = prediction["answer"] or "(the paragraph does not say)"
        return "\n".join([f"  {head}", *listed[:_MAX_SHOWN]])
    scored = zip(prediction["labels"], prediction["scores"], strict=True)
    head = [f"  {prediction['option']}"] if "option" in prediction else []
    return "\n".join([*head, *(f"  {score:.3f}  {label}" for label, score in scored)])
