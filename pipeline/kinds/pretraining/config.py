"""Configuration of a pretraining pipeline."""

from __future__ import annotations

import dataclasses
from typing import Literal

from components.evaluator.pretraining.config import PretrainingEvaluationConfig
from components.example_gen.pretraining import corpus_conversion
from components.example_gen.pretraining.corpus import CorpusFormat
from components.example_gen.pretraining.corpus_conversion import CorpusSettings
from components.modeling.config import ModelOptions
from components.preprocessing.pretraining.config import PretrainingDataConfig
from components.trainer.pretraining.permutation import PermutationConfig
from components.trainer.pretraining.pretraining_schedule import Corpus
from pipeline import searched_folders
from pipeline.config import PipelineConfig

_SPLITS = ("train", "eval")


@dataclasses.dataclass(frozen=True)
class CorpusDataConfig:
    """Raw data: files of running text.

    Attributes:
        root: folder in which the patterns are looked up; local or `gs://`.
        files: glob patterns by split, "train" and "eval"; or those of a single one under any
            name, whose documents `document_split` shares out.
        document_split: weights, such as {train: 99, eval: 1}, for a single one; else empty.
        file_format: "text" (a sentence or paragraph a line, a blank line between documents),
            "jsonl" (an object a line) or "tfrecord" (an Example a document). Text and JSON lines
            may be compressed (.gz, .bz2, .zst), TFRecords by gzip.
        text_field: key of the text in JSON objects and Examples.
        from_raw_text: false if the texts are ids of pieces, separated by white space.
        max_dead_letter_share: share of the text, in bytes, that may be unusable before the run
            fails; one line of ordinary length always may.
    """

    root: str
    files: dict[str, tuple[str, ...]]
    document_split: dict[str, int] = dataclasses.field(default_factory=dict)
    file_format: CorpusFormat = "text"
    text_field: str = "text"
    from_raw_text: bool = True
    max_dead_letter_share: float = 0.001

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
        """What the ExampleGen goes by."""
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
    """Pretraining: running text to an encoder that fine-tuning starts from.

    Attributes:
        kind: which kind of pipeline it is.
        data: raw data.
        records: how it becomes records; its seed is of their making, `training.seed` of the rest.
        perm_size: longest permutation; None takes the longest that `records` allow.
        leak_ratio: share of the tokens to be predicted that all may see.
        tie_weight: whether the output layer shares the word embeddings, as published.
        weight: of the pipeline's own records among those of `mix_with`.
        mix_with: directories of further records, each with its weight, made with equal settings.
        evaluation: the gate before the Pusher.
    """

    data: CorpusDataConfig
    records: PretrainingDataConfig
    evaluation: PretrainingEvaluationConfig
    perm_size: int | None = None
    leak_ratio: float = 0.0
    tie_weight: bool = True
    weight: float = 1.0
    mix_with: tuple[Corpus, ...] = ()
    kind: Literal["pretraining"] = "pretraining"

    def __post_init__(self) -> None:
        super().__post_init__()
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
        if not self.weight > 0:
            raise ValueError(f"weight must be positive, but is {self.weight}.")
        # Checks perm_size and leak_ratio against the records.
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
        """`perm_size`, or the longest that is possible."""
        return self.perm_size or min(self.records.reuse_len, self.records.new_len)

    @property
    def model_options(self) -> ModelOptions:
        """`options` with what the records determine."""
        return dataclasses.replace(
            self.options, reuse_len=self.records.reuse_len, bi_data=self.records.bi_data
        )

    def check_inputs(self) -> None:
        """Looks for every input file.

        Raises:
            NoSuchFilesError: naming the pattern that matched nothing.
        """
        super().check_inputs()
        corpus_conversion.find_files(self.data.settings(seed=0), self.data.root)
