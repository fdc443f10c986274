"""Configuration of the kind `classification`, for classification, regression or multiple choice."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

from annotated_types import Ge

from components import files, metric_names
from components.configuration import Share
from components.evaluator.config import EvaluationConfig
from components.example_gen.classification import inputs
from components.example_gen.classification.dataset import TextDataset
from components.example_gen.classification.tasks import get_task
from components.preprocessing.classification.room import longest_question
from pipeline import searched_folders
from pipeline.config import PipelineConfig

_SPLITS = ("train", "eval")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The raw data. Exactly one of `task` and `dataset` is given.

    Attributes:
        root: folder, local or `gs://`, to which the data set's file patterns are relative.
        task: name of a built-in data set, such as "sst-2".
        dataset: description of the user's own data set.
        splits: names of the splits to read; empty reads all splits whose files exist.
        max_dead_letter_share: share of the rows that may be unusable before the run fails. A
            single unusable row never fails a run.
    """

    root: str
    task: str | None = None
    dataset: TextDataset | None = None
    splits: tuple[str, ...] = ()
    max_dead_letter_share: Share = 0.001

    def __post_init__(self) -> None:
        searched_folders.check(self.root, setting="root")
        if (self.task is None) == (self.dataset is None):
            raise ValueError(
                "give either task (a built-in data set) or dataset (a description of your own)."
            )
        self.resolve()

    def resolve(self) -> TextDataset:
        """Returns the description of the data set, limited to the splits that are asked for."""
        dataset = self.dataset or get_task(self.task)
        return dataset.with_splits(self.splits) if self.splits else dataset


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassificationPipelineConfig(PipelineConfig):
    """Configuration of a pipeline for text classification, regression or multiple choice.

    Attributes:
        kind: name of the kind, "classification".
        data: the raw data.
        seq_len: number of pieces per example, or per option in multiple choice; longer texts are
            cut.
        evaluation: thresholds that a model has to reach before it is pushed.
        max_qa_length: for multiple choice, the largest number of pieces of a question together
            with one of its options; the rest of `seq_len` is left for the passage. None for data
            without options.
        bulk_inference_splits: splits of the data set for which a blessed model makes predictions,
            such as ["test"]; if empty, the pipeline has no BulkInferrer.
    """

    data: DataConfig
    # A pair needs room for SEP, SEP, CLS and a piece of each text.
    seq_len: Annotated[int, Ge(5)]
    evaluation: EvaluationConfig
    max_qa_length: int | None = None
    bulk_inference_splits: tuple[str, ...] = ()
    kind: Literal["classification"] = "classification"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.options.check_fine_tuning()
        dataset = self.data.resolve()
        self._check_qa_length(dataset.is_multiple_choice)
        missing = sorted(set(_SPLITS) - set(dataset.output_splits))
        if missing:
            raise ValueError(
                f"the data set has the splits {', '.join(dataset.output_splits)}; "
                f"{' and '.join(missing)} is missing: a model is trained on one and judged by the "
                "other. Name its files under splits, or let hash_split, such as "
                "{train: 9, eval: 1}, share out those of a single split."
            )
        known = dataset.splits
        unknown = sorted(set(self.bulk_inference_splits) - set(known))
        if unknown:
            raise ValueError(
                f"bulk_inference_splits has {', '.join(unknown)}; the data set has the splits "
                f"{', '.join(known)}."
            )
        self.check_training_metrics(
            ("loss", *dataset.metrics), hint="List more of them under data.dataset.metrics."
        )
        labels = None if dataset.is_regression else dataset.labels
        self.evaluation.check_metrics(
            metric_names.of_evaluation(labels), less_is_better=metric_names.LESS_IS_BETTER
        )
        self.evaluation.check_slices(
            ("label", "length", *(["level"] if dataset.has_level else [])),
            metric_names.during_training(labels),
        )

    def _check_qa_length(self, is_multiple_choice: bool) -> None:
        if not is_multiple_choice:
            if self.max_qa_length is not None:
                raise ValueError(
                    f"max_qa_length is {self.max_qa_length}, but the data set has no options."
                )
            return
        longest = longest_question(self.seq_len)
        if self.max_qa_length is None or not 1 <= self.max_qa_length <= longest:
            raise ValueError(
                "max_qa_length must be given for questions with options, between 1 and "
                f"seq_len - 4 ({longest}), but is {self.max_qa_length}."
            )

    def check_inputs(self) -> None:
        """Checks that every input file exists and has the columns that the data set names.

        Raises:
            NoSuchFilesError: if a file is missing; the message names the pattern.
        """
        super().check_inputs()
        dataset = self.data.resolve()
        found = inputs.check_inputs(dataset, self.data.root)
        for split in _SPLITS:
            if not dataset.hash_split and split not in found:
                raise files.NoSuchFilesError(
                    f"No file matches {dataset.splits[split].pattern!r} under {self.data.root}: "
                    f"the split {split!r} of data set {dataset.name!r} may be absent for other "
                    "uses, but not to train and judge a model. Let hash_split share out the files "
                    "of the other one, or give the files."
                )
