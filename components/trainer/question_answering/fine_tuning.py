"""Fine-tuning for question answering, from records to weights."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

from components import files, records, tfrecords
from components import manifest as manifest_lib
from components.example_gen.question_answering import squad_examples
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.cost import Workload
from components.preprocessing.question_answering.config import WindowConfig
from components.span_decoding import window_outputs
from components.span_decoding.decoder import DecodingConfig
from components.trainer.config import TrainingConfig
from components.trainer.loop import TrainingResult
from components.trainer.question_answering.task import EvaluationSet, QuestionAnsweringTask
from components.trainer.record_input import FineTuningData, RecordFiles
from components.trainer.training_run import check_records, completed, train_and_write

_logger = logging.getLogger(__name__)

# The records without their text features, because text cannot be sent to a TPU. The ids of the
# questions are read separately, in `read_evaluation_set`.
RECORD_TYPE = dataclasses.replace(
    records.QUESTION_ANSWERING,
    features=tuple(
        feature for feature in records.QUESTION_ANSWERING.features if feature.dtype != "bytes"
    ),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionAnsweringFineTuningConfig:
    """Everything that determines a run, besides its records.

    Attributes:
        windows: how paragraphs are cut into windows; the records must have been made the same way.
        uncased: whether the text of the records was lower-cased.
        keep_accents: whether the records keep the accents of the text.
        start_n_top: number of start positions that the beam search keeps.
        end_n_top: number of end positions that it keeps for each start.
        decoding: how answers are chosen.
        model: sizes of the network.
        options: dropout, initialisation, compute dtype.
        training: optimizer, schedule, devices.
        init_from: folder in the published layout whose encoder to start from; None for random
            weights.
    """

    windows: WindowConfig
    uncased: bool
    start_n_top: int
    end_n_top: int
    decoding: DecodingConfig
    model: XLNetConfig
    options: ModelOptions
    training: TrainingConfig
    keep_accents: bool = False
    init_from: str | None = None

    def __post_init__(self) -> None:
        self.options.check_fine_tuning()


def fine_tune(
    config: QuestionAnsweringFineTuningConfig,
    *,
    records_dir: str,
    train_files: Sequence[str],
    eval_files: Sequence[str],
    paragraph_files: Sequence[str],
    model_dir: str,
    state_root: str | None = None,
) -> TrainingResult:
    """Checks the records against the configuration, trains, and writes the weights by name.

    Args:
        config: configuration of the run.
        records_dir: folder with the manifest of the records.
        train_files: file patterns of the training split.
        eval_files: file patterns of the evaluation split; may be empty.
        paragraph_files: file patterns of the evaluation split's raw examples
            (`example_gen/question_answering/squad_examples.py`). The scores during training are
            measured against their answers; without them there are no such scores.
        model_dir: folder for the weights (under `xlnet/`) and the training curves.
        state_root: folder in which every run keeps its state in a subfolder of its own; None keeps
            the state in `model_dir`.

    Raises:
        ManifestError: if the records were made with other settings.
        ValueError: if the vocabulary does not fit the model, or a split is empty.
        RecordsMismatchError: if records and paragraphs do not belong together.
    """
    manifest = manifest_lib.read(records_dir)
    config = completed(config, manifest)
    check_records(
        manifest,
        expected={
            "record_type": records.QUESTION_ANSWERING.name,
            "uncased": config.uncased,
            "keep_accents": config.keep_accents,
            **dataclasses.asdict(config.windows),
        },
        model=config.model,
    )
    seq_len = config.windows.max_seq_length
    train_records = RecordFiles(train_files, RECORD_TYPE, seq_len)
    evaluation_set = evaluation = None
    if eval_files and paragraph_files:
        evaluation = RecordFiles(eval_files, RECORD_TYPE, seq_len)
        evaluation_set = read_evaluation_set(evaluation, paragraph_files)
    task = QuestionAnsweringTask(
        model_config=config.model,
        model_options=config.options,
        start_n_top=config.start_n_top,
        end_n_top=config.end_n_top,
        decoding=config.decoding,
        evaluation=evaluation_set,
    )
    return train_and_write(
        config,
        name="question_answering",
        task=task,
        data=FineTuningData(config.training, train_records, evaluation),
        manifest=manifest,
        workload=Workload(
            task="question_answering", batch_size=config.training.batch_size, seq_len=seq_len
        ),
        model_dir=model_dir,
        state_root=state_root,
    )


def read_evaluation_set(evaluation: RecordFiles, paragraph_files: Sequence[str]) -> EvaluationSet:
    """Reads into memory what the scores during training need.

    Args:
        evaluation: records of the evaluation split.
        paragraph_files: file patterns of its raw examples.
    """
    # In the order in which `record_input.evaluation_batches` reads the records.
    windows = [
        window_outputs.read_window(serialized)
        for path in evaluation.paths
        for serialized in tfrecords.read_records(path)
    ]
    paragraphs = [
        squad_examples.decode(serialized)
        for pattern in paragraph_files
        for path in files.expand(pattern, purpose="paragraphs of the evaluation split")
        for serialized in tfrecords.read_records(path)
    ]
    _logger.info("evaluation: %d windows, %d paragraphs", len(windows), len(paragraphs))
    return EvaluationSet(paragraphs, windows)
