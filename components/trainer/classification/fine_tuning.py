"""Fine-tuning for classification, regression or multiple choice, from records to weights.

Both the Trainer component and the plain command call `fine_tune`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from components import manifest as manifest_lib
from components import records
from components.example_gen.classification.dataset import check_metrics
from components.export.input_columns import InputColumns
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.cost import Workload
from components.trainer.classification import tasks
from components.trainer.classification.tasks import ClassificationTask, RegressionTask
from components.trainer.config import TrainingConfig
from components.trainer.loop import TrainingResult
from components.trainer.record_input import FineTuningData, RecordFiles
from components.trainer.training_run import check_records, completed, train_and_write


@dataclasses.dataclass(frozen=True)
class FineTuningConfig:
    """Everything that determines a fine-tuning run, besides its records.

    Attributes:
        kind: "classification", "regression" or "multiple_choice".
        task_name: name of the data set; it is part of the published names of the head's variables.
        labels: label names in the order of their ids; empty for regression.
        metric_names: metrics computed by the evaluations during training.
        seq_len: number of tokens per record.
        uncased: whether the text of the records was lower-cased.
        keep_accents: whether the records keep the accents of the text.
        model: sizes of the network.
        options: dropout, initialisation, compute dtype.
        training: optimizer, schedule, devices.
        init_from: folder in the published layout whose encoder to start from; None for random
            weights.
        input_columns: how the files of the data set hold the texts. It is exported with the model,
            so that files of the same form can be predicted.
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
        self.options.check_fine_tuning()
        check_metrics(self.metric_names, None if self.kind == "regression" else self.labels)

    @property
    def record_type(self) -> records.RecordType:
        """The type of records that this run reads."""
        return records.of_labels(self.kind, len(self.labels))

    def make_task(self) -> ClassificationTask | RegressionTask:
        """Returns the task for the training loop."""
        return tasks.of_kind(
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
        config: configuration of the run.
        records_dir: folder with the manifest of the records.
        train_files: file patterns of the training split.
        eval_files: file patterns of the evaluation split; may be empty.
        model_dir: folder for the weights (under `xlnet/`) and the training curves.
        state_root: folder in which every run keeps its state in a subfolder of its own; None keeps
            the state in `model_dir`.

    Raises:
        ManifestError: if the records were made with other settings.
        ValueError: if the vocabulary does not fit the model, a split is empty, or the head to start
            from has other labels.
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
    config = completed(config, manifest)
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
        head=f"classification_{config.task_name.lower()}"
        if config.kind == "classification"
        else None,
    )
