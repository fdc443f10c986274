"""The Keras Tuner with which TFX's Tuner component searches for settings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import keras_tuner
import tensorflow as tf
from keras_tuner.engine import base_tuner, trial

from components.configuration import ConfigurationError
from components.trainer import overrides
from components.trainer.best_model import UnknownMetricError
from components.trainer.config import LOWER_IS_BETTER
from components.trainer.divergence import DivergenceError
from components.trainer.loop import TrainingResult
from components.trainer.search import SearchConfig
from components.trainer.strategy import DeviceError

_logger = logging.getLogger(__name__)

# Errors that the settings of a trial can cause: the run diverges, the settings contradict each
# other, or they do not fit the device. Any other error, such as a request to stop, ends the search.
_OF_THE_TRIAL = (DivergenceError, ConfigurationError, DeviceError, tf.errors.ResourceExhaustedError)


class SearchError(RuntimeError):
    """A search in which no trial finished successfully."""


class SettingsTuner(base_tuner.BaseTuner):
    """Draws settings at random, trains with them, and records their scores.

    Args:
        search: search space, metric and number of trials.
        config: configuration of the run, in which each trial replaces settings.
        train: makes one run, given its configuration and the folder for its results.
        directory: folder of the trials.
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
                hyperparameters=_hyperparameters(search, config),
                # Plus one, because with 0 Keras Tuner would draw a seed at random.
                seed=search.seed + 1,
                # Never give up because of failed trials; the best of the others is the result.
                max_consecutive_failed_trials=search.max_trials + 1,
            ),
            directory=directory.rstrip("/"),
            project_name="trials",
        )
        self._config = config
        self._train = train
        self._metric = search.metric
        self._ending: Exception | None = None
        self._failures: list[str] = []

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Runs all trials.

        Raises:
            SearchError: if no trial finished; the message gives the reasons.
            Exception: any error of a training that the settings of the trial did not cause.
        """
        try:
            # Keras Tuner's own display is meant for notebooks; `run_trial` logs the trials instead.
            super().search(*fit_args, **fit_kwargs, verbose=0)
        except keras_tuner.errors.FatalError:
            if self._ending is None:
                raise
            raise self._ending from None
        # If no trial completed, Keras Tuner would report a failed one as the best.
        done = trial.TrialStatus.COMPLETED
        if not any(made.status == done for made in self.oracle.trials.values()):
            reasons = "; ".join(self._failures)
            raise SearchError(f"None of {len(self._failures)} trials came to its end: {reasons}")

    def search_space_summary(self, extended: bool = False) -> None:
        """Prints nothing, because the configuration already lists the search space."""

    def results_summary(self, num_trials: int = 10) -> None:
        """Prints nothing: trials are logged as they end, and `tuner_results.json` lists them."""

    def run_trial(self, trial: trial.Trial, **kwargs: Any) -> dict[str, float]:
        """Trains with the settings of a trial and returns the metric of the search."""
        values = trial.hyperparameters.values
        try:
            result = self._train(
                overrides.apply(self._config, values), f"{self.directory}/{trial.trial_id}"
            )
            if self._metric not in result.metrics:
                raise UnknownMetricError(
                    f"search.metric is {self._metric!r}; the evaluations of this task give "
                    f"{', '.join(sorted(result.metrics))}."
                )
        except _OF_THE_TRIAL as error:
            # The search goes on with the next trial.
            _logger.warning("trial %s with %s failed: %s", trial.trial_id, values, error)
            self._failures.append(f"{values}: {error}")
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        except Exception as error:
            # Any other exception would make Keras Tuner count a failed trial and go on.
            self._ending = error
            raise keras_tuner.errors.FatalError(str(error)) from error
        _logger.info(
            "trial %s with %s: %s %.4f",
            trial.trial_id,
            values,
            self._metric,
            result.metrics[self._metric],
        )
        return {self._metric: result.metrics[self._metric]}


def _hyperparameters(search: SearchConfig, config: Any) -> keras_tuner.HyperParameters:
    made = keras_tuner.HyperParameters()
    for name, values in search.space.items():
        if values.values:
            made.Choice(name, list(values.values))
            continue
        draw = made.Int if search.is_whole(name, config) else made.Float
        draw(name, values.minimum, values.maximum, sampling=values.scale)
    return made
