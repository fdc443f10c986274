"""What a judgement leaves: the measured values, and a folder with the report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from components import __version__, files
from components.evaluator import report as report_lib
from components.evaluator.names import RESULTS_NAME
from components.evaluator.report_content import Report
from components.serving.pushed_model import PushedModel


class JudgementError(ValueError):
    """Data on which a model cannot be judged; the message says what is wrong with them."""


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What was measured.

    Attributes:
        results: content of `results.json`; among others "metrics" by name, "classes" with the
            scores of each label, and "data" with a line about what could not be used.
        report: path of the HTML report.
    """

    results: Mapping[str, Any]
    report: str


def write(report: Report, results: Mapping[str, Any], directory: str) -> Judgement:
    """Writes the report and the results to a folder."""
    path = report_lib.write(report, directory)
    text = json.dumps(results, indent=2) + "\n"
    files.write_bytes(files.join(directory, RESULTS_NAME), text.encode())
    return Judgement(results, path)


def lineage(model: PushedModel, data: str) -> dict[str, str]:
    """Returns what the report says about model and data."""
    return {
        "model": model.path,
        "version of the model": str(model.version),
        "data": data,
        "code version": __version__,
    }
