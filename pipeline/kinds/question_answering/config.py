"""Configuration of the kind `question_answering`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar, Literal

from components import metric_names
from components.configuration import PositiveInt, Share
from components.evaluator.question_answering.config import QuestionAnsweringEvaluationConfig
from components.example_gen.question_answering import squad_inputs
from components.example_gen.question_answering.squad_inputs import SquadSettings
from components.preprocessing.question_answering.config import WindowConfig
from components.span_decoding.decoder import DecodingConfig
from pipeline import searched_folders
from pipeline.config import PipelineConfig

_SPLITS = ("train", "eval")


@dataclasses.dataclass(frozen=True)
class SquadDataConfig:
    """The raw data: SQuAD files, v1.1 or v2.0, as JSON or JSON lines.

    Attributes:
        root: folder, local or `gs://`, to which the patterns are relative.
        files: one glob pattern for each of the splits "train" and "eval"; or a single pattern under
            any name, whose articles are distributed by `article_split`.
        article_split: relative sizes of the splits, such as {train: 9, eval: 1}, if `files` has a
            single pattern; otherwise empty.
        max_dead_letter_share: share of the questions that may be unusable before the run fails. A
            single unusable question never fails a run.
    """

    root: str
    files: dict[str, str]
    article_split: dict[str, PositiveInt] = dataclasses.field(default_factory=dict)
    max_dead_letter_share: Share = 0.001

    def __post_init__(self) -> None:
        searched_folders.check(self.root, setting="root")
        splits = self.settings(seed=0).output_splits
        if sorted(splits) != sorted(_SPLITS):
            raise ValueError(
                f"files and article_split give the splits {', '.join(splits)}; they should be "
                f"exactly {' and '.join(_SPLITS)}. article_split, such as {{train: 9, eval: 1}}, "
                "shares out the files of a single one."
            )

    def settings(self, *, seed: int) -> SquadSettings:
        """Makes the ExampleGen's settings; `seed` decides which articles go into which split."""
        return SquadSettings(
            patterns=self.files,
            article_split=self.article_split,
            seed=seed,
            max_dead_letter_share=self.max_dead_letter_share,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionAnsweringPipelineConfig(PipelineConfig):
    """Configuration of a question answering pipeline, from SQuAD files to a pushed model.

    Attributes:
        kind: name of the kind, "question_answering".
        data: the raw data.
        windows: how a paragraph and a question are cut into windows.
        decoding: how answers are chosen from the model's outputs.
        start_n_top: number of start positions that the beam search keeps.
        end_n_top: number of end positions that it keeps for each start.
        num_shards: number of record files per split; null derives it from the size of the data.
        evaluation: thresholds that a model has to reach before it is pushed; scores are in percent.
    """

    ELSEWHERE: ClassVar[Mapping[str, str]] = {
        "bulk_inference_splits": (
            "TFX's BulkInferrer asks a model once for each example, and an example is a paragraph "
            "with many questions here. `xlnet-pipeline predict MODEL --squad FILE --output FOLDER` "
            "answers all questions of a file, with or without known answers."
        )
    }

    data: SquadDataConfig
    windows: WindowConfig
    decoding: DecodingConfig
    start_n_top: int
    end_n_top: int
    evaluation: QuestionAnsweringEvaluationConfig
    num_shards: PositiveInt | None = None
    kind: Literal["question_answering"] = "question_answering"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.options.check_fine_tuning()
        self.check_training_metrics(metric_names.OF_ANSWERS)
        for name in ("start_n_top", "end_n_top"):
            if not 1 <= getattr(self, name) <= self.windows.max_seq_length:
                raise ValueError(
                    f"{name} must lie between 1 and windows.max_seq_length "
                    f"({self.windows.max_seq_length}), but is {getattr(self, name)}."
                )

    def check_inputs(self) -> None:
        """Checks that every input file exists.

        Raises:
            NoSuchFilesError: if a file is missing; the message names the pattern.
        """
        super().check_inputs()
        squad_inputs.find_files(self.data.settings(seed=0), self.data.root)
