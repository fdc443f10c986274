"""The kinds of pipelines: which configuration belongs to which word under `kind`."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.classification_config import ClassificationPipelineConfig
from pipeline.config import PipelineConfig
from pipeline.pretraining_config import PretrainingPipelineConfig
from pipeline.question_answering_config import QuestionAnsweringPipelineConfig

CONFIG_TYPES: Mapping[str, type[PipelineConfig]] = {
    "classification": ClassificationPipelineConfig,
    "pretraining": PretrainingPipelineConfig,
    "question_answering": QuestionAnsweringPipelineConfig,
}
