"""Names of metrics, as configurations write them.

`components.classification_metrics` and `components.glue_metrics` compute them. The names stand here
because a configuration is checked without importing what computes.
"""

from __future__ import annotations

from collections.abc import Sequence

# F1 is that of the second of two labels; the means over classes are those of scikit-learn.
F1 = "f1"
OF_LABELS = (
    "accuracy",
    F1,
    "matthews_correlation",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_f1",
)
# With a label after the slash: "recall/urgent".
OF_A_CLASS = ("precision", "recall", "f1")
# The expected calibration error. It needs probabilities, so only evaluations measure it.
CALIBRATION_ERROR = "calibration_error"
LESS_IS_BETTER = (CALIBRATION_ERROR,)
# What an evaluation of a classification shows beside the metrics of the data set.
SHOWN_BESIDE = ("macro_f1", "weighted_f1", CALIBRATION_ERROR)
# The scores of SQuAD's official script that make sense as learning curves; the Evaluator measures
# more of them.
OF_ANSWERS = ("exact", "f1", "HasAns_exact", "HasAns_f1", "NoAns_f1", "best_exact", "best_f1")
OF_NUMBERS = ("pearson_correlation", "spearman_correlation")


def of_class(metric: str, label: str) -> str:
    """Returns the name of a metric of a single class."""
    return f"{metric}/{label}"


def during_training(labels: Sequence[str] | None) -> tuple[str, ...]:
    """Returns the metrics that a data set may name, which are measured during training as well.

    Args:
        labels: labels of the task; None for numbers.
    """
    if labels is None:
        return OF_NUMBERS
    overall = tuple(name for name in OF_LABELS if name != F1 or len(labels) == 2)
    return (*overall, *(of_class(name, label) for name in OF_A_CLASS for label in labels))


def of_evaluation(labels: Sequence[str] | None) -> tuple[str, ...]:
    """Returns the metrics that thresholds may bound.

    Args:
        labels: labels of the task; None for numbers.
    """
    return during_training(labels) + (() if labels is None else (CALIBRATION_ERROR,))


def listed(names: Sequence[str]) -> str:
    """Lists names for a message, in which those of single classes stand for all classes."""
    return ", ".join(
        dict.fromkeys(f"{name.partition('/')[0]}/LABEL" if "/" in name else name for name in names)
    )
