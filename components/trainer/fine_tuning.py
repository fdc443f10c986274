"""Fine-tuning from records to an exported model: what the Trainer component and a plain command
run.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Literal

import tensorflow as tf

from components import manifest as manifest_lib
from components import records
from components.checkpoint_conversion import named_checkpoint
from components.modeling.config import ModelOptions, XLNetConfig
from components.trainer.classification_task import ClassificationTask, RegressionTask
from components.trainer.config import TrainingConfig
from components.trainer.loop import TrainingResult, train
from components.trainer.record_input import FineTuningData, RecordFiles

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class FineTuningConfig:
    """All that a fine-tuning run is determined by, beside its records.

    Attributes:
        kind: "classification" or "regression".
        task_name: of the data set; names the head's variables as published.
        labels: in the order of their ids; empty for regression.
        metric_names: of the evaluations during training.
        seq_len: tokens per record.
        uncased: whether the records were lower-cased.
        model: sizes of the model.
        options: dropout, initialisation, compute dtype.
        training: optimizer, schedule, devices.
        init_from: folder in the published layout whose encoder to start from; None for random.
    """

    kind: Literal["classification", "regression"]
    task_name: str
    labels: tuple[str, ...]
    metric_names: tuple[str, ...]
    seq_len: int
    uncased: bool
    model: XLNetConfig
    options: ModelOptions
    training: TrainingConfig
    init_from: str | None = None

    @property
    def record_type(self) -> records.RecordType:
        """Records that this run reads."""
        return records.REGRESSION if self.kind == "regression" else records.CLASSIFICATION

    def make_task(self) -> ClassificationTask | RegressionTask:
        """The task of the training loop."""
        common = {
            "model_config": self.model,
            "model_options": self.options,
            "task_name": self.task_name,
            "metric_names": self.metric_names,
        }
        if self.kind == "regression":
            return RegressionTask(**common)
        return ClassificationTask(labels=self.labels, **common)


def fine_tune(
    config: FineTuningConfig,
    *,
    records_dir: str,
    train_files: Sequence[str],
    eval_files: Sequence[str],
    model_dir: str,
) -> TrainingResult:
    """Checks the records against the configuration, trains, and writes the weights by name.

    Args:
        config: of the run.
        records_dir: where the records' manifest lies.
        train_files: patterns of the training split.
        eval_files: patterns of the evaluation split; may be empty.
        model_dir: gets checkpoints, curves, and the weights under `xlnet/`.

    Raises:
        ManifestError: if the records were made with other settings.
        ValueError: if the vocabulary does not fit the model, or a split is empty.
    """
    expected: dict[str, object] = {
        "record_type": config.record_type.name,
        "seq_len": config.seq_len,
        "uncased": config.uncased,
    }
    if config.kind == "classification":
        expected["labels"] = list(config.labels)
    check_records(manifest_lib.read(records_dir), expected=expected, model=config.model)
    train_records = RecordFiles(train_files, config.record_type, config.seq_len)
    evaluation = RecordFiles(eval_files, config.record_type, config.seq_len) if eval_files else None
    data = FineTuningData(
        config=config.training,
        train=train_records,
        evaluation=evaluation,
        num_train_records=train_records.count(),
    )
    result = train(
        task=config.make_task(),
        config=config.training,
        data=data,
        model_dir=model_dir,
        init_from=config.init_from,
    )
    write_weights(result, config.model, f"{model_dir}/xlnet")
    return result


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
            f"model has n_token {model.n_token:,}. Set model.n_token to {vocabulary_size}, or "
            "give the vocabulary that belongs to the model."
        )


def write_weights(result: TrainingResult, model: XLNetConfig, directory: str) -> None:
    """Writes the weights in the published layout, for other runs to start from."""
    tf.io.gfile.makedirs(directory)
    by_name = named_checkpoint.variables_by_name(result.model.variables)
    named_checkpoint.write_arrays(directory, by_name)
    model.write(f"{directory}/{named_checkpoint.CONFIG_NAME}")
    _logger.info("weights written to %s", directory)
