"""What a run of question answering preprocessing will do, checked before Beam starts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from components import files
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.records_job import RecordsJob, split_directory
from components.tokenization.tokenizer import Tokenizer

InputFormat = Literal["squad", "examples"]
Use = Literal["training", "evaluation"]


class PlanError(ValueError):
    """Settings that contradict each other; the message says which and what is legal."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionAnsweringPlan(RecordsJob):
    """A run of preprocessing.

    Attributes:
        config: lengths.
        inputs: files by split, sorted.
        input_format: "squad" for SQuAD files, "examples" for TFRecords of
            `components.example_gen.question_answering.squad_examples`.
        uses: "training" or "evaluation" by split.
        num_shards: files per split.
        seed: of the order of the records.
        max_dead_letter_share: of the questions of a split; more fail the run.
    """

    config: WindowConfig
    inputs: Mapping[str, Sequence[str]]
    input_format: InputFormat
    uses: Mapping[str, Use]
    num_shards: int
    seed: int
    max_dead_letter_share: float

    def shard_name(self, split: str, shard: int) -> str:
        """File name of a shard relative to the output directory."""
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
    num_shards: int = 8,
    seed: int = 0,
    max_dead_letter_share: float = 0.001,
) -> QuestionAnsweringPlan:
    """Checks everything that can be checked before the data are read.

    Args:
        inputs: glob patterns by split, e.g. {"train": ["train-v2.0.json"]}.
        uses: "training" or "evaluation" by split.
        output_directory: a directory of this run's own.
        config: lengths.
        tokenizer: of the pretrained model.
        input_format: "squad" or "examples".
        num_shards: files per split.
        seed: of the order of the records.
        max_dead_letter_share: of the questions of a split, in [0, 1].

    Raises:
        NoSuchFilesError: naming the pattern that matches nothing.
        PlanError: if settings contradict each other.
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
    if num_shards < 1:
        raise PlanError(f"num_shards must be at least 1, not {num_shards}.")
    if not 0 <= max_dead_letter_share <= 1:
        raise PlanError(f"max_dead_letter_share must be in [0, 1], not {max_dead_letter_share}.")
    found = {}
    for split, patterns in inputs.items():
        purpose = f"question answering files of the split {split!r}"
        paths = {path for pattern in patterns for path in files.expand(pattern, purpose=purpose)}
        if not paths:
            raise PlanError(f"inputs[{split!r}] has no file patterns.")
        found[split] = sorted(paths)
    return QuestionAnsweringPlan(
        config=config,
        tokenizer=tokenizer,
        output_directory=output_directory,
        inputs=found,
        input_format=input_format,
        uses=dict(uses),
        num_shards=num_shards,
        seed=seed,
        max_dead_letter_share=max_dead_letter_share,
    )
