"""Plans a run of question answering's preprocessing, and checks the settings before Beam starts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from components import files
from components.example_gen.lines import is_compressed
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.records_job import RecordsJob, split_directory
from components.tokenization.tokenizer import Tokenizer

# A worker holds a shard's records, which are about 30 times as large as its paragraphs with their
# questions: 1 GB with the second number. The first one suffices for SQuAD (42 MB).
_MIN_SHARDS = 8
_SHARD_BYTES = 32 << 20
# The compression ratio of text, roughly.
_COMPRESSION = 3

InputFormat = Literal["squad", "examples"]
Use = Literal["training", "evaluation"]


class PlanError(ValueError):
    """Settings that contradict each other; the message says which and what is legal."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionAnsweringPlan(RecordsJob):
    """The plan of a run of preprocessing.

    Attributes:
        config: the lengths of windows, questions and strides.
        inputs: paths of the input files by split, sorted.
        input_format: "squad" for SQuAD's JSON, or "examples" for TFRecords of
            `components.example_gen.question_answering.squad_examples`.
        uses: "training" or "evaluation" for each split.
        num_shards: number of output files per split.
        seed: seed for the order of the records.
        max_dead_letter_share: largest share of a split's questions that may be unusable; if there
            are more, the run fails.
    """

    config: WindowConfig
    inputs: Mapping[str, Sequence[str]]
    input_format: InputFormat
    uses: Mapping[str, Use]
    num_shards: int
    seed: int
    max_dead_letter_share: float

    def shard_name(self, split: str, shard: int) -> str:
        """Returns the path of a shard's file relative to the output directory."""
        return (
            f"{split_directory(split)}/question_answering-"
            f"{shard:05d}-of-{self.num_shards:05d}.tfrecord.gz"
        )


def make_plan(
    *,
    inputs: Mapping[str, Sequence[str]],
    uses: Mapping[str, Use],
    output_directory: str,
    config: WindowConfig,
    tokenizer: Tokenizer,
    input_format: InputFormat = "squad",
    num_shards: int | None = None,
    seed: int = 0,
    max_dead_letter_share: float = 0.001,
) -> QuestionAnsweringPlan:
    """Makes the plan: checks everything that can be checked before the data is read.

    Args:
        inputs: glob patterns of the input files by split, such as {"train": ["train-v2.0.json"]}.
        uses: "training" or "evaluation" for each split.
        output_directory: directory that only this run uses.
        config: the lengths of windows, questions and strides.
        tokenizer: tokenizer of the pretrained model.
        input_format: "squad" or "examples"; see `QuestionAnsweringPlan`.
        num_shards: number of output files per split; None derives it from the size of the input.
        seed: seed for the order of the records.
        max_dead_letter_share: largest share of a split's questions that may be unusable, in [0, 1].

    Raises:
        NoSuchFilesError: if a pattern matches no file; the message names the pattern.
        PlanError: if a setting is not legal, or settings contradict each other.
    """
    if not inputs or set(inputs) != set(uses):
        raise PlanError(
            f"inputs and uses must name the same splits, at least one; inputs has {sorted(inputs)},"
            f" uses has {sorted(uses)}."
        )
    for name, value, legal in (
        *((f"uses[{split!r}]", use, get_args(Use)) for split, use in uses.items()),
        ("input_format", input_format, get_args(InputFormat)),
    ):
        if value not in legal:
            raise PlanError(f"{name} must be one of {', '.join(legal)}; it is {value!r}.")
    if num_shards is not None and num_shards < 1:
        raise PlanError(f"num_shards must be at least 1, not {num_shards}.")
    if not 0 <= max_dead_letter_share <= 1:
        raise PlanError(f"max_dead_letter_share must be in [0, 1], not {max_dead_letter_share}.")
    found = {}
    for split, patterns in inputs.items():
        purpose = f"question answering files of the split {split!r}"
        sizes = {
            file.path: file.size * (_COMPRESSION if is_compressed(file.path) else 1)
            for pattern in patterns
            for file in files.find(pattern, purpose=purpose)
        }
        if not sizes:
            raise PlanError(f"inputs[{split!r}] has no file patterns.")
        found[split] = sizes
    largest = max(sum(sizes.values()) for sizes in found.values())
    return QuestionAnsweringPlan(
        config=config,
        tokenizer=tokenizer,
        output_directory=output_directory,
        inputs={split: sorted(sizes) for split, sizes in found.items()},
        input_format=input_format,
        uses=dict(uses),
        num_shards=num_shards or max(_MIN_SHARDS, -(-largest // _SHARD_BYTES)),
        seed=seed,
        max_dead_letter_share=max_dead_letter_share,
    )
