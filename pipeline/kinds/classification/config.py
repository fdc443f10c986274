"""Configuration of a pipeline for classification, regression or multiple choice."""

from __future__ import annotations

import dataclasses
from typing import Literal

from components import files
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
    """Raw data.

    Attributes:
        root: folder in which the data set's file patterns are looked up; local or `gs://`.
        task: name of a built-in data set ("sst-2"); or
        dataset: description of one's own. One of the two is given.
        splits: of the data set to read; empty for all whose files exist.
        max_dead_letter_share: share of the rows that may be unusable before the run fails; one
            row always may.
    """

    root: str
    task: str | None = None
    dataset: TextDataset | None = None
    splits: tuple[str, ...] = ()
    max_dead_letter_share: float = 0.001

    def __post_init__(self) -> None:
        searched_folders.check(self.root, setting="root")
        if (self.task is None) == (self.dataset is None):
            raise ValueError(
                "give either task (a built-in data set) or dataset (a description of one's own)."
            )
        if not 0 <= self.max_dead_letter_share <= 1:
            raise ValueError(
                f"max_dead_letter_share must lie in [0, 1], but is {self.max_dead_letter_share}."
            )
        self.resolve()

    def resolve(self) -> TextDataset:
        """The data set's description, with only the splits that are asked for."""
        dataset = self.dataset or get_task(self.task)
        return dataset.with_splits(self.splits) if self.splits else dataset


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassificationPipelineConfig(PipelineConfig):
    """Text classification, regression or multiple choice: raw files to a pushed model.

    Attributes:
        kind: which kind of pipeline it is.
        data: raw data.
        seq_len: pieces per example, or per option of a question; longer ones are cut.
        evaluation: the gate before the Pusher.
        max_qa_length: of multiple choice, most pieces of a question with one of its options; the
            rest of `seq_len` is left to the passage. None for data without options.
        bulk_inference_splits: splits of the data set that a blessed model is run on, such as
            ["test"]; none leaves the BulkInferrer out.
    """

    data: DataConfig
    seq_len: int
    evaluation: EvaluationConfig
    max_qa_length: int | None = None
    bulk_inference_splits: tuple[str, ...] = ()
    kind: Literal["classification"] = "classification"

    def __post_init__(self) -> None:
        super().__post_init__()
        # A pair needs room for SEP, SEP, CLS and a piece of each text.
        if self.seq_len < 5:
            raise ValueError(f"seq_len must be at least 5, but is {self.seq_len}.")
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
        self.evaluation.check_metrics(dataset.metrics)
        self.evaluation.check_slices(
            ("label", "length", *(["level"] if dataset.has_level else [])), dataset.metrics
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
        """Looks for every input file, and for the columns that are named.

        Raises:
            NoSuchFilesError: naming the pattern that matched nothing.
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
