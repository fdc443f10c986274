"""Repeats a training with several seeds and selects the run with the median score.

On small data sets, fine-tuning scores differ by several points from seed to seed, and the published
figures are medians. The Evaluator gets the median run, never the best one.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from components import files
from components.configuration import Seed
from components.trainer import overrides
from components.trainer.config import LOWER_IS_BETTER

if TYPE_CHECKING:
    # This module imports TensorFlow, which reading a configuration must not require.
    from components.trainer.loop import TrainingResult

REPEATS_KEY = "repeats"
REPORT_NAME = "repeats.json"

_logger = logging.getLogger(__name__)

_Config = TypeVar("_Config")


@dataclasses.dataclass(frozen=True)
class Repeats:
    """The seeds to train with, and the metric whose median decides.

    Attributes:
        seeds: one seed per training, used for initialisation, data order and dropout.
        metric: metric of the evaluation at the end of each training; the run with the median value
            is selected.
    """

    seeds: tuple[Seed, ...]
    metric: str

    def __post_init__(self) -> None:
        if len(set(self.seeds)) != len(self.seeds) or len(self.seeds) < 2:
            raise ValueError(
                f"seeds are {list(self.seeds)}; give at least two, all different (of an odd "
                "number one lies in the middle)."
            )


def with_seed(config: _Config, seed: int) -> _Config:
    """Returns the configuration with another seed, including that of the head's initialisation."""
    return overrides.apply(config, {"training.seed": seed, "options.init_seed": seed})


def train_median(
    config: _Config,
    repeats: Repeats,
    *,
    train: Callable[[_Config, str, str], TrainingResult],
    model_dir: str,
    state_root: str | None,
) -> TrainingResult:
    """Trains once with each seed and returns the result of the run with the median score.

    Args:
        config: configuration of the runs; its seeds are replaced.
        repeats: seeds, and the metric that is compared.
        train: makes one run, given its configuration, the folder for its results, and the folder
            for the state of all runs.
        model_dir: folder for the results of the median run, and for `repeats.json` with the metrics
            of all runs.
        state_root: folder in which every run keeps its state; None uses `state/` in `model_dir`.

    Raises:
        ValueError: if the evaluations do not report the metric.
    """
    # The state of every run is kept, because otherwise the median run would have to be trained
    # again.
    root = state_root or f"{model_dir}/state"
    metrics: dict[int, Mapping[str, float]] = {}
    for seed in repeats.seeds:
        result = train(with_seed(config, seed), f"{model_dir}/seed_{seed}", root)
        if repeats.metric not in result.metrics:
            raise ValueError(
                f"repeats.metric is {repeats.metric!r}; the evaluations of this task give "
                f"{', '.join(sorted(result.metrics))}."
            )
        metrics[seed] = result.metrics
        _logger.info("seed %d: %s %.4f", seed, repeats.metric, result.metrics[repeats.metric])
        # The result holds the model, whose memory on the device the next run needs.
        del result
    values = {seed: values[repeats.metric] for seed, values in metrics.items()}
    chosen = median_seed(values, repeats.metric)
    _logger.info(
        "median of %d seeds: %s %.4f (seed %d), from %.4f to %.4f",
        len(values),
        repeats.metric,
        values[chosen],
        chosen,
        min(values.values()),
        max(values.values()),
    )
    # This run is already complete, so its last checkpoint is read and nothing is trained.
    result = train(with_seed(config, chosen), model_dir, root)
    if result.is_chief:
        _write_report(f"{model_dir}/{REPORT_NAME}", repeats, metrics, chosen)
    return result


def median_seed(values: Mapping[int, float], metric: str) -> int:
    """Returns the seed with the median value; for an even number of seeds, the lower of the two.

    A value that is NaN counts as the worst.
    """
    worst = math.inf if metric in LOWER_IS_BETTER else -math.inf
    ordered = sorted(
        values, key=lambda seed: (worst if math.isnan(values[seed]) else values[seed], seed)
    )
    return ordered[(len(ordered) - 1) // 2]


def _write_report(
    path: str, repeats: Repeats, metrics: Mapping[int, Mapping[str, float]], chosen: int
) -> None:
    report: dict[str, Any] = {
        "metric": repeats.metric,
        "median": metrics[chosen][repeats.metric],
        "median_seed": chosen,
        "runs": [{"seed": seed, "metrics": dict(values)} for seed, values in metrics.items()],
    }
    files.write_bytes(path, (json.dumps(report, indent=2) + "\n").encode())
