"""Options of TFX's Trainer and Tuner beyond a run's configuration: search and repeats.

The `run_fn` modules of all kinds of training share the two entry points `train` and `tuner`.
"""

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
# Trains once. The arguments are the configuration, the folder for the results, and the folder under
# which all runs keep their state (None to keep it with the results).
Train = Callable[[_Config, str, str | None], TrainingResult]


def records_dir(fn_args: FnArgs) -> str:
    """Returns the root of the records' artifact, which holds the manifest and the vocabulary."""
    # The patterns have the form <artifact>/Split-train/*.
    return os.path.dirname(os.path.dirname(fn_args.train_files[0]))


def record_patterns(given: Sequence[str]) -> list[str]:
    """Turns TFX's patterns `<folder>/*` into patterns that take the folder's name literally."""
    return [files.all_in(os.path.dirname(pattern)) for pattern in given]


def train(config: _Config, fn_args: FnArgs, run: Train) -> tuple[_Config, Any]:
    """Trains, using the settings found by a search and several seeds if the pipeline asks for them.

    Args:
        config: configuration as given by the pipeline.
        fn_args: arguments from TFX's Trainer.
        run: makes one training run.

    Returns:
        The configuration that was used, and the result of the training.
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
    """Returns the search for settings that the pipeline asks for; see `train` for the arguments."""
    # Imported only here, because Keras Tuner brings its own Keras, which training does not need.
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
