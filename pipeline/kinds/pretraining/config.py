"""Configuration of the kind `pretraining`. docs/concepts.md explains how its lengths interact."""

from __future__ import annotations

import dataclasses
from typing import Literal

from components.configuration import PositiveFloat, PositiveInt, Share
from components.evaluator.pretraining.config import METRICS, PretrainingEvaluationConfig
from components.example_gen.pretraining import corpus_inputs
from components.example_gen.pretraining.corpus import CorpusFormat
from components.example_gen.pretraining.corpus_inputs import CorpusSettings
from components.modeling.config import ModelOptions
from components.preprocessing.pretraining.config import PretrainingDataConfig
from components.trainer.pretraining.permutation_config import PermutationConfig
from components.trainer.pretraining.pretraining_schedule import Corpus
from pipeline import searched_folders
from pipeline.config import PipelineConfig

_SPLITS = ("train", "eval")


@dataclasses.dataclass(frozen=True)
class CorpusDataConfig:
    """The raw data: files of running text.

    Attributes:
        root: folder, local or `gs://`, to which the patterns are relative.
        files: glob patterns for the splits "train" and "eval"; or patterns for a single split of
            any name, whose documents are distributed by `document_split`.
        document_split: relative sizes of the splits, such as {train: 99, eval: 1}, if `files` has
            a single split; otherwise empty.
        file_format: "text" (one sentence or paragraph per line, a blank line between documents),
            "jsonl" (one JSON object per line) or "tfrecord" (one tf.Example per document). Text
            and JSON lines may be compressed (.gz, .bz2, .zst), TFRecords with gzip.
        text_field: key of the text in JSON objects and tf.Examples.
        from_raw_text: whether the texts are plain text; False if they consist of ids of pieces,
            separated by white space.
        max_dead_letter_share: share of the text, in bytes, that may be unusable before the run
            fails. A single line of ordinary length never fails a run.
    """

    root: str
    files: dict[str, tuple[str, ...]]
    document_split: dict[str, PositiveInt] = dataclasses.field(default_factory=dict)
    file_format: CorpusFormat = "text"
    text_field: str = "text"
    from_raw_text: bool = True
    max_dead_letter_share: Share = 0.001

    def __post_init__(self) -> None:
        searched_folders.check(self.root, setting="root")
        splits = self.settings(seed=0).output_splits
        if sorted(splits) != sorted(_SPLITS):
            raise ValueError(
                f"files and document_split give the splits {', '.join(splits)}; they should be "
                f"exactly {' and '.join(_SPLITS)}. document_split, such as {{train: 9, eval: 1}}, "
                "shares out the files of a single one."
            )

    def settings(self, *, seed: int) -> CorpusSettings:
        """Makes the ExampleGen's settings; `seed` decides which documents go into which split."""
        return CorpusSettings(
            patterns=self.files,
            document_split=self.document_split,
            file_format=self.file_format,
            text_field=self.text_field,
            seed=seed,
            max_dead_letter_share=self.max_dead_letter_share,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingPipelineConfig(PipelineConfig):
    """Configuration of a pipeline that pretrains an encoder, from which fine-tuning can start.

    Attributes:
        kind: name of the kind, "pretraining".
        data: the raw data.
        records: how text becomes records. Its `seed` determines the records; `training.seed`
            determines everything after them.
        perm_size: longest stretch of text that is permuted as one block (`PermutationConfig`);
            None takes the longest that `records` allow.
        leak_ratio: share of the masked tokens that every position may see, including their own.
        tie_weight: whether the output layer shares the word embeddings, as in the published model.
        weight: how many of the batches come from this pipeline's own records, relative to the
            weights in `mix_with`.
        mix_with: directories of other records that were made with the same settings, each with its
            weight.
        evaluation: thresholds that a model has to reach before it is pushed.
    """

    data: CorpusDataConfig
    records: PretrainingDataConfig
    evaluation: PretrainingEvaluationConfig
    perm_size: int | None = None
    leak_ratio: Share = 0.0
    tie_weight: bool = True
    weight: PositiveFloat = 1.0
    mix_with: tuple[Corpus, ...] = ()
    kind: Literal["pretraining"] = "pretraining"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_training_metrics(METRICS)
        records = self.records
        for name in ("uncased", "keep_accents"):
            given, other = getattr(records, name), getattr(self.vocabulary, name)
            if given != other:
                raise ValueError(
                    f"records.{name} is {given}, but vocabulary.{name} is {other}; they must be "
                    "equal."
                )
        for name in ("reuse_len", "bi_data"):
            given = getattr(self.options, name)
            if given and given != getattr(records, name):
                raise ValueError(
                    f"options.{name} is {given}, but records.{name} is {getattr(records, name)}. "
                    "It is taken from the records: leave it out of options."
                )
        for name in ("batch_size", "eval_batch_size"):
            size = getattr(self.training, name)
            if size % records.batch_size:
                below = size // records.batch_size * records.batch_size
                legal = " or ".join(
                    str(value) for value in (below, below + records.batch_size) if value
                )
                raise ValueError(
                    f"training.{name} is {size}, but the records are made for batches of "
                    f"{records.batch_size} rows that continue each other: {legal} would fit."
                )
        # Constructing this checks perm_size and leak_ratio against the records.
        PermutationConfig(
            seq_len=records.seq_len,
            reuse_len=records.reuse_len,
            perm_size=self.longest_permutation,
            num_predict=records.num_predict,
            seed=0,
            leak_ratio=self.leak_ratio,
        )

    @property
    def longest_permutation(self) -> int:
        """`perm_size`, or the largest value that is possible if it is not set."""
        return self.perm_size or min(self.records.reuse_len, self.records.new_len)

    @property
    def model_options(self) -> ModelOptions:
        """`options`, with `reuse_len` and `bi_data` taken from the records."""
        return dataclasses.replace(
            self.options, reuse_len=self.records.reuse_len, bi_data=self.records.bi_data
        )

    def check_inputs(self) -> None:
        """Checks that every input file exists.

        Raises:
            NoSuchFilesError: if a file is missing; the message names the pattern.
        """
        super().check_inputs()
        corpus_inputs.find_files(self.data.settings(seed=0), self.data.root)
