"""The GLUE tasks, with the column positions of the files that gluebenchmark.com provides.

The order of labels, the names of the dev files and the numbering of rows are those of the published
XLNet and GLUE code, so that ids and guids can be compared. Test files have no labels and are
optional, since only submissions to the leaderboard need them.
"""

from __future__ import annotations

from components.example_gen.classification.dataset import Columns, Split, TextDataset

_BINARY = ("0", "1")
_ENTAILMENT = ("entailment", "not_entailment")
_INFERENCE = ("contradiction", "entailment", "neutral")


def _task(
    name: str,
    columns: Columns,
    *,
    labels: tuple[str, ...] = (),
    label_range: tuple[float, float] | None = None,
    metrics: tuple[str, ...] = ("accuracy",),
    test_columns: Columns,
    header: bool = True,
    eval_file: str = "dev.tsv",
    test_file: str = "test.tsv",
) -> TextDataset:
    return TextDataset(
        name=name,
        file_format="tsv",
        columns=columns,
        header=header,
        labels=labels,
        label_range=label_range,
        metrics=metrics,
        splits={
            "train": Split("train.tsv"),
            "eval": Split(eval_file, guid_prefix="dev"),
            # Test files have a header even if the other files have none (CoLA).
            "test": Split(test_file, columns=test_columns, header=True, required=False),
        },
    )


def _mnli(name: str, suffix: str) -> TextDataset:
    return _task(
        name,
        # The gold label is taken from the last column because the number of annotators' labels
        # before it differs between train (1) and dev (5).
        Columns(text_a=8, text_b=9, label=-1),
        labels=_INFERENCE,
        test_columns=Columns(text_a=8, text_b=9),
        eval_file=f"dev_{suffix}.tsv",
        test_file=f"test_{suffix}.tsv",
    )


_TASKS = (
    _task(
        "cola",
        Columns(text_a=3, label=1),
        header=False,
        labels=_BINARY,
        metrics=("matthews_correlation",),
        test_columns=Columns(text_a=1),
    ),
    _task(
        "sst-2",
        Columns(text_a=0, label=1),
        labels=_BINARY,
        test_columns=Columns(text_a=1),
    ),
    _task(
        "mrpc",
        Columns(text_a=3, text_b=4, label=0),
        labels=_BINARY,
        metrics=("f1", "accuracy"),
        test_columns=Columns(text_a=3, text_b=4),
    ),
    _task(
        "qqp",
        Columns(text_a=3, text_b=4, label=5),
        labels=_BINARY,
        metrics=("f1", "accuracy"),
        test_columns=Columns(text_a=1, text_b=2),
    ),
    _task(
        "sts-b",
        Columns(text_a=7, text_b=8, label=9),
        label_range=(0.0, 5.0),
        metrics=("pearson_correlation", "spearman_correlation"),
        test_columns=Columns(text_a=7, text_b=8),
    ),
    _mnli("mnli_matched", "matched"),
    _mnli("mnli_mismatched", "mismatched"),
    _task(
        "qnli",
        Columns(text_a=1, text_b=2, label=3),
        labels=_ENTAILMENT,
        test_columns=Columns(text_a=1, text_b=2),
    ),
    _task(
        "rte",
        Columns(text_a=1, text_b=2, label=3),
        labels=_ENTAILMENT,
        test_columns=Columns(text_a=1, text_b=2),
    ),
    _task(
        "wnli",
        Columns(text_a=1, text_b=2, label=3),
        labels=_BINARY,
        test_columns=Columns(text_a=1, text_b=2),
    ),
    # The diagnostic set has no training data; models trained on MNLI are applied to it.
    TextDataset(
        name="ax",
        file_format="tsv",
        header=True,
        columns=Columns(text_a=1, text_b=2),
        labels=_INFERENCE,
        metrics=("matthews_correlation",),
        splits={"test": Split("diagnostic.tsv")},
    ),
)

GLUE_TASKS = {task.name: task for task in _TASKS}
