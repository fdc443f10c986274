"""The executor of QuestionAnsweringPreprocessor, which passes artifacts' paths to the library."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.types import artifact_utils, standard_component_specs

from components import artifacts, configuration, files
from components.preprocessing.question_answering import paragraph_files, pipeline
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.records_executor import (
    RECORDS_KEY,
    SENTENCEPIECE_MODEL_KEY,
    RecordsExecutor,
)
from components.tokenization.tokenizer import Tokenizer

WINDOWS_KEY = "windows"
UNCASED_KEY = "uncased"
KEEP_ACCENTS_KEY = "keep_accents"
NUM_SHARDS_KEY = "num_shards"
SEED_KEY = "seed"
MAX_DEAD_LETTER_SHARE_KEY = "max_dead_letter_share"

# For each split of the raw examples, the use for which its records are made.
USES = {"train": "training", "eval": "evaluation"}


class Executor(RecordsExecutor):
    """Makes training records of the split "train" and evaluation records of the split "eval"."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the paragraphs for evaluation, the records and finally the manifest.

        Args:
            input_dict: has `examples` (raw Examples of paragraphs) and `sentencepiece_model`.
            output_dict: has `records`, a single Examples artifact.
            exec_properties: has `windows` (JSON of a `WindowConfig`), `uncased` and `keep_accents`
                (0 or 1), `num_shards`, `seed` and `max_dead_letter_share` (a number as JSON).

        Raises:
            ValueError: if the examples lack one of the splits.
            DuplicateQuestionError: if several files of a split contain the same question id.
            TooManyDeadLettersError: if more questions were unusable than `max_dead_letter_share`.
            NoRecordsError: if a split gave no records.
        """
        examples = input_dict[standard_component_specs.EXAMPLES_KEY]
        given = artifact_utils.decode_split_names(
            artifact_utils.get_single_instance(examples).split_names
        )
        missing = sorted(set(USES) - set(given))
        if missing:
            raise ValueError(
                f"The raw examples have the splits {sorted(given)}, but {', '.join(missing)} is "
                "needed as well."
            )
        patterns = {
            split: [files.all_in(artifact_utils.get_split_uri(examples, split))] for split in USES
        }
        records = artifact_utils.get_single_instance(output_dict[RECORDS_KEY])
        model_uri = artifact_utils.get_single_uri(input_dict[SENTENCEPIECE_MODEL_KEY])
        plan = pipeline.make_plan(
            inputs=patterns,
            uses=USES,
            output_directory=records.uri,
            config=configuration.from_json(
                WindowConfig, exec_properties[WINDOWS_KEY], where=WINDOWS_KEY
            ),
            tokenizer=Tokenizer.from_file(
                artifacts.sentencepiece_model_path(model_uri),
                uncased=bool(exec_properties[UNCASED_KEY]),
                keep_accents=bool(exec_properties.get(KEEP_ACCENTS_KEY)),
            ),
            input_format="examples",
            num_shards=exec_properties.get(NUM_SHARDS_KEY),
            seed=exec_properties[SEED_KEY],
            max_dead_letter_share=json.loads(exec_properties[MAX_DEAD_LETTER_SHARE_KEY]),
        )
        paragraph_files.clear(records.uri)
        for split, use in USES.items():
            if use == "evaluation":
                paragraph_files.copy(plan.inputs[split], records.uri, split)
        self.make_records(
            plan,
            add_to_pipeline=pipeline.add_to_pipeline,
            finish=pipeline.finish,
            examples=examples,
            records=records,
        )
