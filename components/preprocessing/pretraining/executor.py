"""Executor of PretrainingPreprocessor: artifact paths in, artifact paths out."""

from __future__ import annotations

from typing import Any

from absl import logging
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_component_specs

from components import artifacts, configuration, dead_letter_file, files
from components.example_gen import counts_file
from components.preprocessing.pretraining import pipeline
from components.preprocessing.pretraining.config import PretrainingDataConfig
from components.tokenization.tokenizer import Tokenizer

SENTENCEPIECE_MODEL_KEY = "sentencepiece_model"
RECORDS_KEY = "records"
CONFIG_KEY = "config"
FROM_RAW_TEXT_KEY = "from_raw_text"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Makes records of every split of the raw examples."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes records, the vocabulary and, last, the manifest.

        Args:
            input_dict: `examples` (documents of `CorpusExampleGen`) and `sentencepiece_model`.
            output_dict: `records`, one Examples artifact.
            exec_properties: `config` (JSON of a `PretrainingDataConfig`) and `from_raw_text`
                (0 or 1).

        Raises:
            TooManyDeadLettersError, CorpusTooSmallError: see `pipeline.finish`.
        """
        config = configuration.from_json(
            PretrainingDataConfig, exec_properties[CONFIG_KEY], where=CONFIG_KEY
        )
        examples = input_dict[standard_component_specs.EXAMPLES_KEY]
        splits = artifact_utils.decode_split_names(
            artifact_utils.get_single_instance(examples).split_names
        )
        records = artifact_utils.get_single_instance(output_dict[RECORDS_KEY])
        model_path = artifacts.sentencepiece_model_path(
            artifact_utils.get_single_uri(input_dict[SENTENCEPIECE_MODEL_KEY])
        )
        plan = pipeline.make_plan(
            inputs={
                split: [files.all_in(artifact_utils.get_split_uri(examples, split))]
                for split in splits
            },
            output_directory=records.uri,
            config=config,
            tokenizer=Tokenizer.from_file(
                model_path, uncased=config.uncased, keep_accents=config.keep_accents
            ),
            file_format="tfrecord",
            from_raw_text=bool(exec_properties[FROM_RAW_TEXT_KEY]),
        )
        pipeline.clear_output(plan)
        records.split_names = artifact_utils.encode_split_names(splits)
        with self._make_beam_pipeline() as beam_pipeline:
            pipeline.add_to_pipeline(beam_pipeline, plan)
        kept = dead_letter_file.place_to_keep(self._context, records.uri)
        with dead_letter_file.kept_on_failure(records.uri, kept):
            manifest = pipeline.finish(
                plan,
                input_counts=counts_file.of_input(artifact_utils.get_single_uri(examples)),
                kept=kept,
            )
        for split in splits:
            logging.info(
                "split %s: %d records of %d tokens in %d files",
                split,
                manifest.counts[f"{split}/records"],
                config.seq_len,
                len(manifest.shards[split]),
            )
