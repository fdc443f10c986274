"""The same training with several seeds, of which the median counts.

Small data sets fine-tune to scores that differ by several points from seed to seed; the published
figures are medians. What goes on to the Evaluator is the run of the median, never the best.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from components import files
from components.trainer import overrides

if TYPE_CHECKING:
    # Imports TensorFlow, without which configurations are read.
    from components.trainer.loop import TrainingResult

REPEATS_KEY = "repeats"
REPORT_NAME = "repeats.json"

_logger = logging.getLogger(__name__)

_Config = TypeVar("_Config")


@dataclasses.dataclass(frozen=True)
class Repeats:
    """Which seeds.

    Attributes:
        seeds: each of initialisation, order of the data and dropout of one training.
        metric: of the evaluations at the end of the trainings, whose median is looked for.
    """

    seeds: tuple[int, ...]
    metric: str

    def __post_init__(self) -> None:
        if len(set(self.seeds)) != len(self.seeds) or len(self.seeds) < 2:
            raise ValueError(
                f"seeds are {list(self.seeds)}; give at least two, all different (of an odd "
                "number one lies in the middle)."
            )


def with_seed(config: _Config, seed: int) -> _Config:
    """The run with another seed, of the head's initialisation as well."""
    return overrides.apply(config, {"training.seed": seed, "options.init_seed": seed})


def train_median(
    config: _Config,
    repeats: Repeats,
    *,
    train: Callable[[_Config, str, str], TrainingResult],
    model_dir: str,
    state_root: str | None,
) -> TrainingResult:
    """Trains once with each seed and returns the run of the median.

    Args:
        config: of the runs, whose seed is replaced.
        repeats: which seeds.
        train: makes a run of a configuration, a folder for its results and the root of all state.
        model_dir: gets the results of the median's run, and `repeats.json` with the metrics of all.
        state_root: of all runs; None keeps it in `model_dir`.

    Raises:
        ValueError: if the evaluations do not give the metric.
    """
    # Without a root of the state the runs would have to be repeated for the one in the middle.
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
        # Its model lies on the device, where the next one needs the room.
        del result
    values = {seed: values[repeats.metric] for seed, values in metrics.items()}
    chosen = median_seed(values)
    _logger.info(
        "median of %d seeds: %s %.4f (seed %d), from %.4f to %.4f",
        len(values),
        repeats.metric,
        values[chosen],
        chosen,
        min(values.values()),
        max(values.values()),
    )
    # It is complete: its last checkpoint is read, nothing is trained.
    result = train(with_seed(config, chosen), model_dir, root)
    if result.is_chief:
        _write_report(f"{model_dir}/{REPORT_NAME}", repeats, metrics, chosen)
    return result


def median_seed(values: Mapping[int, float]) -> int:
    """The seed whose value lies in the middle; of an even number, the lower of the two."""
    ordered = sorted(values, key=lambda seed: (values[seed], seed))
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
