"""What TFX's Trainer and Tuner are asked beside a run's configuration: searches and repeats."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from components import configuration, files
from components.trainer import overrides, repeats, run_folder, search
from components.trainer.loop import TrainingResult

_Config = TypeVar("_Config")
# Trains with a configuration; the folder of the results, and the root of all runs' state.
Train = Callable[[_Config, str, str | None], TrainingResult]


def record_patterns(given: Sequence[str]) -> list[str]:
    """Patterns of records, from TFX's `<folder>/*`: the folder is a name and no pattern."""
    return [files.all_in(os.path.dirname(pattern)) for pattern in given]


def train(config: _Config, fn_args: FnArgs, run: Train) -> tuple[_Config, Any]:
    """Trains with what a search found, if there was one, and with several seeds, if asked to.

    Args:
        config: as the pipeline has it.
        fn_args: of TFX's Trainer.
        run: one training.

    Returns:
        The configuration that was trained with, and the result.
    """
    found = fn_args.hyperparameters["values"] if fn_args.hyperparameters else {}
    config = overrides.apply(config, found)
    custom = fn_args.custom_config
    directory, root = fn_args.model_run_dir, run_folder.state_root(custom)
    if custom.get(repeats.REPEATS_KEY):
        asked = configuration.from_json(
            repeats.Repeats, custom[repeats.REPEATS_KEY], where=repeats.REPEATS_KEY
        )
        result = repeats.train_median(
            config, asked, train=run, model_dir=directory, state_root=root
        )
    else:
        result = run(config, directory, root)
    if found and result.is_chief:
        text = json.dumps(found, indent=2, sort_keys=True) + "\n"
        files.write_bytes(f"{directory}/{search.FOUND_NAME}", text.encode())
    return config, result


def tuner(config: Any, fn_args: FnArgs, run: Train) -> TunerFnResult:
    """The search that the pipeline asks for; see `train`."""
    # Keras Tuner brings a Keras of its own, which training does without.
    from components.trainer.settings_tuner import SettingsTuner

    asked = configuration.from_json(
        search.SearchConfig, fn_args.custom_config[search.SEARCH_KEY], where=search.SEARCH_KEY
    )
    root = run_folder.state_root(fn_args.custom_config)
    made = SettingsTuner(
        search=asked,
        config=config,
        train=lambda config, directory: run(config, directory, root),
        directory=fn_args.working_dir,
    )
    return TunerFnResult(tuner=made, fit_kwargs={})
