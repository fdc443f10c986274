"""The search itself, as TFX's Tuner runs it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import keras_tuner
from keras_tuner.engine import base_tuner, trial

from components.trainer import overrides
from components.trainer.best_model import LOWER_IS_BETTER
from components.trainer.loop import TrainingResult
from components.trainer.search import SearchConfig

_logger = logging.getLogger(__name__)


class SettingsTuner(base_tuner.BaseTuner):
    """Draws settings at random, trains with them, and keeps their scores.

    Args:
        search: what is searched.
        config: of the run, whose settings are replaced.
        train: makes a run of a configuration and a folder for its results.
        directory: of the trials.
    """

    def __init__(
        self,
        *,
        search: SearchConfig,
        config: Any,
        train: Callable[[Any, str], TrainingResult],
        directory: str,
    ):
        search.check(config)
        direction = "min" if search.metric in LOWER_IS_BETTER else "max"
        super().__init__(
            oracle=keras_tuner.oracles.RandomSearchOracle(
                objective=keras_tuner.Objective(search.metric, direction),
                max_trials=search.max_trials,
                hyperparameters=_hyperparameters(search),
                # 0 would draw a seed.
                seed=search.seed + 1,
            ),
            directory=directory,
            project_name="trials",
        )
        self._config = config
        self._train = train
        self._metric = search.metric

    def run_trial(self, trial: trial.Trial, **kwargs: Any) -> dict[str, float]:
        """Metrics of a training with the trial's settings."""
        values = trial.hyperparameters.values
        try:
            result = self._train(
                overrides.apply(self._config, values), f"{self.directory}/{trial.trial_id}"
            )
        except (ValueError, RuntimeError) as error:
            # A trial that diverges is no reason to end the search; keras_tuner counts failures.
            _logger.warning("trial %s with %s failed: %s", trial.trial_id, values, error)
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        _logger.info(
            "trial %s with %s: %s %.4f",
            trial.trial_id,
            values,
            self._metric,
            result.metrics[self._metric],
        )
        return {self._metric: result.metrics[self._metric]}


def _hyperparameters(search: SearchConfig) -> keras_tuner.HyperParameters:
    made = keras_tuner.HyperParameters()
    for name, values in search.space.items():
        if values.values:
            made.Choice(name, list(values.values))
        else:
            made.Float(name, values.minimum, values.maximum, sampling=values.scale)
    return made
