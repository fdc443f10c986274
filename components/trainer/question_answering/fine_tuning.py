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
from components.trainer.training_run import check_records, train_and_write, with_vocabulary

_logger = logging.getLogger(__name__)

# Text does not go to a TPU; ids of questions are read beside the batches.
RECORD_TYPE = dataclasses.replace(
    records.QUESTION_ANSWERING,
    features=tuple(
        feature for feature in records.QUESTION_ANSWERING.features if feature.dtype != "bytes"
    ),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionAnsweringFineTuningConfig:
    """All that a run is determined by, beside its records.

    Attributes:
        windows: how paragraphs were cut; the records must agree.
        uncased: whether the records were lower-cased.
        keep_accents: whether the records' accents were kept.
        start_n_top: starts that the beam search keeps.
        end_n_top: ends that it keeps for each of them.
        decoding: how answers are chosen.
        model: sizes of the model.
        options: dropout, initialisation, compute dtype.
        training: optimizer, schedule, devices.
        init_from: folder in the published layout whose encoder to start from; None for random.
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
        config: of the run.
        records_dir: where the records' manifest lies.
        train_files: patterns of the training split.
        eval_files: patterns of the evaluation split; may be empty.
        paragraph_files: patterns of raw examples of the evaluation split
            (`example_gen/question_answering/squad_examples.py`), whose answers the scores during
            training are measured by; without them there are no such scores.
        model_dir: gets the weights under `xlnet/` and the curves.
        state_root: see `training_run.train_and_write`.

    Raises:
        ManifestError: if the records were made with other settings.
        ValueError: if the vocabulary does not fit the model, or a split is empty.
        RecordsMismatchError: if records and paragraphs do not belong together.
    """
    manifest = manifest_lib.read(records_dir)
    config = with_vocabulary(config, manifest)
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
    """Reads what scores during training need; it stays in memory.

    Args:
        evaluation: records of the evaluation split.
        paragraph_files: patterns of its raw examples.
    """
    # Record by record in the order in which `record_input.evaluation_batches` gives them.
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
