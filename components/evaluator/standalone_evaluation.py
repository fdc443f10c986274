"""Options and helpers that all evaluators share when they are run as plain commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from components import standalone

if TYPE_CHECKING:
    from tfx.dsl.components.base import base_component

MODELS = {
    "model": "folder that a Trainer wrote, with Format-Serving/ in it",
    "baseline_model?": "such a folder of the model to compare with",
    "model_run?": "folder with the training's curves, for the report",
}
OUTPUTS = {
    "evaluation": "gets report.html and results.json",
    "blessing": "gets BLESSED or NOT_BLESSED",
}


def channels(options: argparse.Namespace) -> dict[str, Any]:
    """Makes the channels of the models for an evaluator's component, by name of the argument."""
    return {
        "model": standalone.channel("Model"),
        "model_run": standalone.channel("ModelRun") if options.model_run else None,
        "baseline_model": standalone.channel("Model") if options.baseline_model else None,
    }


def execute(
    component: base_component.BaseComponent, options: argparse.Namespace, **data: str | None
) -> None:
    """Runs an evaluator.

    Args:
        component: the evaluator's component, made with `channels`.
        options: options of the command line.
        data: folders with the data to evaluate on, by the component's names of its inputs; None
            for an input that is not given.
    """
    standalone.execute(
        component,
        inputs={
            **data,
            "model": options.model,
            "model_run": options.model_run,
            "baseline_model": options.baseline_model,
        },
        outputs={"evaluation": options.evaluation, "blessing": options.blessing},
        beam_args=options.beam_args,
    )
