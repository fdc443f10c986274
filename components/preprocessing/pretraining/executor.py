"""The executor of PretrainingPreprocessor, which passes its artifacts' paths to the library."""

from __future__ import annotations

import functools
from typing import Any

from tfx import types
from tfx.types import artifact_utils, standard_component_specs

from components import artifacts, configuration, files
from components.preprocessing.pretraining import pipeline
from components.preprocessing.pretraining.config import PretrainingDataConfig
from components.preprocessing.records_executor import (
    RECORDS_KEY,
    SENTENCEPIECE_MODEL_KEY,
    RecordsExecutor,
)
from components.tokenization.tokenizer import Tokenizer

CONFIG_KEY = "config"
FROM_RAW_TEXT_KEY = "from_raw_text"


class Executor(RecordsExecutor):
    """Makes pretraining records from every split of the raw examples."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the records, the vocabulary and finally the manifest.

        Args:
            input_dict: has `examples` (documents of `CorpusExampleGen`) and `sentencepiece_model`.
            output_dict: has `records`, a single Examples artifact.
            exec_properties: has `config` (JSON of a `PretrainingDataConfig`) and `from_raw_text` (0
                or 1).

        Raises:
            TooManyDeadLettersError: if more of the text was unusable than the configuration allows.
            CorpusTooSmallError: if a split has too little text for one batch.
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
        with files.on_this_machine(plan.working_directory) as folder:
            self.make_records(
                plan,
                add_to_pipeline=functools.partial(pipeline.add_to_pipeline, folder=folder),
                finish=pipeline.finish,
                examples=examples,
                records=records,
            )
