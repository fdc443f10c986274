"""The steps that all kinds of training share: check the records, train, and write the weights."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from components import files
from components import manifest as manifest_lib
from components.checkpoint_conversion import checkpoint_path, description, named_checkpoint
from components.checkpoint_conversion.description import Description
from components.gathering import gathered
from components.modeling.config import XLNetConfig
from components.modeling.cost import Workload, training_cost
from components.trainer import initial_weights, run_folder
from components.trainer.loop import TrainingResult, train
from components.trainer.task import Task
from components.trainer.training_data import TrainingData

_logger = logging.getLogger(__name__)

_Config = TypeVar("_Config")


def train_and_write(
    config: Any,
    *,
    name: str,
    task: Task,
    data: TrainingData,
    manifest: manifest_lib.Manifest,
    workload: Workload,
    model_dir: str,
    state_root: str | None,
    mixed_in: Sequence[manifest_lib.Manifest] = (),
    head: str | None = None,
) -> TrainingResult:
    """Trains a model and writes its weights and training curves to `model_dir`.

    Args:
        config: dataclass with the fields `model`, `options`, `training`, `init_from`, `uncased`
            and `keep_accents`.
        name: name of the run, used for its folder under `state_root`.
        task: model, loss and metrics, as the training loop takes them.
        data: training and evaluation batches, as the training loop takes them.
        manifest: manifest of the records.
        workload: size of one update, from which its number of operations is computed.
        model_dir: folder for the results: weights under `xlnet/`, curves under `history/`.
        state_root: folder in which every run keeps its state in a subfolder of its own; None keeps
            the state in `model_dir`.
        mixed_in: manifests of further records that the run mixes in.
        head: name of the model's head, if it chooses among `config.labels`.

    Raises:
        ManifestError, ValueError: if the weights in `config.init_from` do not belong to this
            network, this vocabulary, such texts or these labels, or if their description is
            damaged.
        ValueError: if a remote TPU would have to write to a folder of this machine.
        Exception: whatever `loop.train` raises.
    """
    initial_weights.check_network(config.init_from, config.model)
    initial_weights.check_vocabulary(
        config.init_from, manifest.vocabulary_sha256, whose="The training split"
    )
    initial_weights.check_normalization(
        config.init_from, uncased=config.uncased, keep_accents=config.keep_accents
    )
    if head and config.init_from:
        _check_labels(config.init_from, config.labels, head)
    start = named_checkpoint.sha256(config.init_from) if config.init_from else None
    run = run_folder.identity(config, [manifest, *mixed_in], initial_weights=start)
    state_dir = run_folder.keyed(state_root, name, run) if state_root else model_dir
    config.training.check_folder(state_dir)
    # The utilisation counts what the model needs, not what is computed a second time.
    once = dataclasses.replace(config.options, rematerialize=False)
    result = train(
        task=task,
        config=config.training,
        data=data,
        model_dir=state_dir,
        init_from=config.init_from,
        run=run,
        flops_per_step=training_cost(config.model, once, workload).train_flops,
    )
    if result.is_chief:
        write_weights(result, config, manifest, f"{model_dir}/xlnet")
        if state_dir != model_dir:
            copy_history(state_dir, model_dir)
    return result


def _check_labels(init_from: str, labels: Sequence[str], head: str) -> None:
    # Without a head of this name, the weights' head is left out, whatever its labels are.
    if any(name.startswith(f"model/{head}/") for name in named_checkpoint.open_arrays(init_from)):
        initial_weights.check_labels(init_from, labels, head=head)


def completed(config: _Config, manifest: manifest_lib.Manifest) -> _Config:
    """Returns the configuration with the settings filled in that follow from others.

    `model.n_token` follows from the records' vocabulary, and `options.init_seed` from
    `training.seed`.

    Args:
        config: dataclass with the fields `model`, `options` and `training`. What is already set is
            left as it is; `check_records` compares `n_token` with the records.
        manifest: manifest of the records.
    """
    model, options = config.model, config.options
    if model.n_token is None:
        model = dataclasses.replace(model, n_token=manifest.parameters["vocabulary_size"])
    if options.init_seed is None:
        options = dataclasses.replace(options, init_seed=config.training.seed)
    return dataclasses.replace(config, model=model, options=options)


def check_records(
    manifest: manifest_lib.Manifest, *, expected: Mapping[str, object], model: XLNetConfig
) -> None:
    """Checks that the records fit the configuration of a run.

    Args:
        manifest: manifest of the records.
        expected: parameters that the manifest must agree with, by name.
        model: network whose vocabulary must be as large as that of the records.

    Raises:
        ManifestError: if the records were made with other settings.
        ValueError: if the vocabulary does not fit the model.
    """
    manifest.check_agrees(expected)
    vocabulary_size = manifest.parameters["vocabulary_size"]
    if vocabulary_size != model.n_token:
        raise ValueError(
            f"The records were made with a vocabulary of {vocabulary_size:,} pieces, but the "
            f"model has n_token {model.n_token:,}. Leave model.n_token out, or give "
            "the vocabulary that belongs to the model."
        )


def copy_history(state_dir: str, model_dir: str) -> None:
    """Copies the training curves of a run from its state folder to its results."""
    files.copy_tree(f"{state_dir}/history", f"{model_dir}/history")


def write_weights(
    result: TrainingResult, config: Any, manifest: manifest_lib.Manifest, directory: str
) -> None:
    """Writes the weights in the published layout, so that other runs can start from them.

    Args:
        result: result of the run.
        config: configuration of the run, as for `train_and_write`.
        manifest: manifest of its records.
        directory: folder to write to.

    Raises:
        WeightsError: if the folder cannot be written.
    """
    files.make_directory(directory)
    by_name = named_checkpoint.variables_by_name(result.model.variables)
    with gathered(directory) as folder:
        named_checkpoint.write_arrays(folder, by_name)
    about = Description(
        vocabulary_sha256=manifest.vocabulary_sha256,
        labels=tuple(getattr(config, "labels", ())),
        uncased=config.uncased,
        keep_accents=config.keep_accents,
    )
    description.write(directory, about)
    config.model.write(files.join(directory, checkpoint_path.CONFIG_NAME))
    _logger.info("weights written to %s", directory)
