"""Gives components the digests of those files that they read by path, for TFX's cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfx.dsl.components.base import base_node

from components import files, input_digest
from components.checkpoint_conversion import named_checkpoint
from components.manifest import MANIFEST_FILE_NAME
from components.tokenization.component import SentencePieceGen
from components.trainer.component import Trainer
from components.trainer.tuner_component import Tuner
from pipeline.config import PipelineConfig


def bind(components: Sequence[base_node.BaseNode], config: PipelineConfig) -> None:
    """Adds the digests to the components' parameters, in place.

    Args:
        components: nodes of the pipeline.
        config: configuration of the pipeline, whose files can be read from here.

    Raises:
        NoSuchFilesError: if a file is missing.
        WeightsError: if the weights to start from are damaged.
    """
    digests = [*_of_training(config)]
    for component in components:
        found = digests if isinstance(component, (Trainer, Tuner)) else []
        if isinstance(component, SentencePieceGen) and config.vocabulary.model:
            found = [files.sha256(files.read_bytes(config.vocabulary.model))]
        if found:
            component.exec_properties[input_digest.KEY] = "-".join(found)


def _of_training(config: PipelineConfig) -> Iterator[str]:
    if config.init_from:
        yield named_checkpoint.sha256(config.init_from)
    # Pretraining can mix in records that another pipeline made.
    for corpus in getattr(config, "mix_with", ()):
        yield files.sha256(files.read_bytes(files.join(corpus.directory, MANIFEST_FILE_NAME)))
