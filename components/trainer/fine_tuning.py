"""Fine-tuning from records to an exported model: what the Trainer component and a plain command
run.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from components import files, records
from components import manifest as manifest_lib
from components.checkpoint_conversion import description, named_checkpoint
from components.checkpoint_conversion.description import Description
from components.example_gen.dataset import check_metrics
from components.export.input_columns import InputColumns
from components.gathering import gathered
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.cost import Workload, training_cost
from components.trainer import classification_task, initial_weights, run_folder
from components.trainer.classification_task import ClassificationTask, RegressionTask
from components.trainer.config import TrainingConfig
from components.trainer.loop import TrainingData, TrainingResult, train
from components.trainer.record_input import FineTuningData, RecordFiles
from components.trainer.task import Task

_logger = logging.getLogger(__name__)

_Config = TypeVar("_Config")


@dataclasses.dataclass(frozen=True)
class FineTuningConfig:
    """All that a fine-tuning run is determined by, beside its records.

    Attributes:
        kind: "classification", "regression" or "multiple_choice".
        task_name: of the data set; names the head's variables as published.
        labels: in the order of their ids; empty for regression.
        metric_names: of the evaluations during training.
        seq_len: tokens per record.
        uncased: whether the records were lower-cased.
        keep_accents: whether the records' accents were kept.
        model: sizes of the model.
        options: dropout, initialisation, compute dtype.
        training: optimizer, schedule, devices.
        init_from: folder in the published layout whose encoder to start from; None for random.
        input_columns: how the data's files hold the texts, for whoever predicts such files.
    """

    kind: Literal["classification", "regression", "multiple_choice"]
    task_name: str
    labels: tuple[str, ...]
    metric_names: tuple[str, ...]
    seq_len: int
    uncased: bool
    model: XLNetConfig
    options: ModelOptions
    training: TrainingConfig
    init_from: str | None = None
    input_columns: InputColumns = dataclasses.field(default_factory=InputColumns)
    keep_accents: bool = False

    def __post_init__(self) -> None:
        num_labels = None if self.kind == "regression" else len(self.labels)
        check_metrics(self.metric_names, num_labels)

    @property
    def record_type(self) -> records.RecordType:
        """Records that this run reads."""
        return records.of_labels(self.kind, len(self.labels))

    def make_task(self) -> ClassificationTask | RegressionTask:
        """The task of the training loop."""
        return classification_task.of_kind(
            self.kind,
            model_config=self.model,
            model_options=self.options,
            task_name=self.task_name,
            labels=self.labels,
            metric_names=self.metric_names,
        )


def fine_tune(
    config: FineTuningConfig,
    *,
    records_dir: str,
    train_files: Sequence[str],
    eval_files: Sequence[str],
    model_dir: str,
    state_root: str | None = None,
) -> TrainingResult:
    """Checks the records against the configuration, trains, and writes the weights by name.

    Args:
        config: of the run.
        records_dir: where the records' manifest lies.
        train_files: patterns of the training split.
        eval_files: patterns of the evaluation split; may be empty.
        model_dir: gets the weights under `xlnet/` and the curves.
        state_root: see `train_and_write`.

    Raises:
        ManifestError: if the records were made with other settings.
        ValueError: if the vocabulary does not fit the model, or a split is empty.
    """
    expected: dict[str, object] = {
        "record_type": config.record_type.name,
        "seq_len": config.seq_len,
        "uncased": config.uncased,
        "keep_accents": config.keep_accents,
    }
    chooses = config.kind != "regression"
    if chooses:
        expected["labels"] = list(config.labels)
    manifest = manifest_lib.read(records_dir)
    config = with_vocabulary(config, manifest)
    check_records(manifest, expected=expected, model=config.model)
    data = FineTuningData(
        config=config.training,
        train=RecordFiles(train_files, config.record_type, config.seq_len),
        evaluation=(
            RecordFiles(eval_files, config.record_type, config.seq_len) if eval_files else None
        ),
        num_labels=len(config.labels) if chooses else None,
    )
    return train_and_write(
        config,
        name=config.task_name,
        task=config.make_task(),
        data=data,
        manifest=manifest,
        workload=Workload.of_labels(
            config.kind,
            num_labels=len(config.labels),
            batch_size=config.training.batch_size,
            seq_len=config.seq_len,
        ),
        model_dir=model_dir,
        state_root=state_root,
    )


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
) -> TrainingResult:
    """Trains, and leaves weights and curves in `model_dir`.

    Args:
        config: dataclass with `model`, `options`, `training` and `init_from`.
        name: of the run, for its folder under `state_root`.
        task: of the training loop.
        data: likewise.
        manifest: of the records.
        workload: of an update.
        model_dir: gets the weights under `xlnet/` and the curves under `history/`.
        state_root: folder of the state of all runs, a folder each; None keeps it in `model_dir`.

    Raises:
        As `loop.train`.
    """
    initial_weights.check_network(config.init_from, config.model)
    initial_weights.check_vocabulary(
        config.init_from, manifest.vocabulary_sha256, whose="The training split"
    )
    run = run_folder.identity(config, manifest)
    state_dir = run_folder.keyed(state_root, name, run) if state_root else model_dir
    result = train(
        task=task,
        config=config.training,
        data=data,
        model_dir=state_dir,
        init_from=config.init_from,
        run=run,
        flops_per_step=training_cost(config.model, config.options, workload).train_flops,
    )
    if result.is_chief:
        about = Description(manifest.vocabulary_sha256, tuple(getattr(config, "labels", ())))
        write_weights(result, config.model, about, f"{model_dir}/xlnet")
        if state_dir != model_dir:
            copy_history(state_dir, model_dir)
    return result


def with_vocabulary(config: _Config, manifest: manifest_lib.Manifest) -> _Config:
    """A run's configuration with the number of pieces that its records were made with.

    Args:
        config: dataclass with `model`; an `n_token` that it gives stays, to be checked.
        manifest: of the records.
    """
    if config.model.n_token is not None:
        return config
    model = dataclasses.replace(config.model, n_token=manifest.parameters["vocabulary_size"])
    return dataclasses.replace(config, model=model)


def check_records(
    manifest: manifest_lib.Manifest, *, expected: Mapping[str, object], model: XLNetConfig
) -> None:
    """Compares records with what a run is configured for.

    Args:
        manifest: of the records.
        expected: parameters that must agree, by name.
        model: whose vocabulary must be as large as that of the records.

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
    """Copies the curves of a run to where its results are."""
    files.copy_tree(f"{state_dir}/history", f"{model_dir}/history")


def write_weights(
    result: TrainingResult, model: XLNetConfig, about: Description, directory: str
) -> None:
    """Writes the weights in the published layout, for other runs to start from."""
    files.make_directory(directory)
    by_name = named_checkpoint.variables_by_name(result.model.variables)
    with gathered(directory) as folder:
        named_checkpoint.write_arrays(folder, by_name)
    description.write(directory, about)
    model.write(f"{directory}/{named_checkpoint.CONFIG_NAME}")
    _logger.info("weights written to %s", directory)
