"""The executor of ClassificationPreprocessor, which passes its artifacts' paths to the library."""

from __future__ import annotations

import json
import logging
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_component_specs

from components import artifacts, files, manifest
from components.example_gen import counts_file
from components.preprocessing import record_digests
from components.preprocessing.classification import (
    label_check,
    length_counts,
    preprocessing,
    transform_graph,
    transformation,
)
from components.tokenization import vocabulary as vocabulary_lib

_logger = logging.getLogger(__name__)

SENTENCEPIECE_MODEL_KEY = "sentencepiece_model"
SEQ_LEN_KEY = "seq_len"
UNCASED_KEY = "uncased"
KEEP_ACCENTS_KEY = "keep_accents"
LABELS_KEY = "labels"
MAX_QA_LENGTH_KEY = "max_qa_length"

_TRAIN_SPLIT = "train"
_PROVISIONAL_COUNTS_FILE_NAME = "counts.json.provisional"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Builds the Transform graph and applies it to the raw examples of every split."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the Transform graph, then the records, and finally their manifest.

        Args:
            input_dict: has `examples` (one artifact of raw Examples), `schema` and
                `sentencepiece_model`.
            output_dict: has `transform_graph` and `transformed_examples`.
            exec_properties: has `seq_len`, `uncased` and `keep_accents` (0 or 1), `labels` (a JSON
                list, or "null" for regression) and, for multiple choice, `max_qa_length`.

        Raises:
            ValueError: if the examples have no split "train".
            LabelError: if examples of the split "train" or "eval" have no known label.
        """
        labels = json.loads(exec_properties[LABELS_KEY])
        model_uri = artifact_utils.get_single_uri(input_dict[SENTENCEPIECE_MODEL_KEY])
        config = preprocessing.PreprocessingConfig(
            sentencepiece_model=artifacts.sentencepiece_model_path(model_uri),
            seq_len=exec_properties[SEQ_LEN_KEY],
            uncased=bool(exec_properties[UNCASED_KEY]),
            keep_accents=bool(exec_properties.get(KEEP_ACCENTS_KEY)),
            labels=tuple(labels or ()),
            regression=labels is None,
            max_qa_length=exec_properties.get(MAX_QA_LENGTH_KEY),
        )
        vocabulary = vocabulary_lib.load(config.sentencepiece_model)
        sources = _find_examples(input_dict[standard_component_specs.EXAMPLES_KEY])

        graph_uri = artifact_utils.get_single_uri(
            output_dict[standard_component_specs.TRANSFORM_GRAPH_KEY]
        )
        transform_graph.build(
            _read_schema(input_dict[standard_component_specs.SCHEMA_KEY]),
            config,
            directory=graph_uri,
        )

        outputs = output_dict[standard_component_specs.TRANSFORMED_EXAMPLES_KEY]
        transformed = artifact_utils.get_single_instance(outputs)
        transformed.split_names = artifact_utils.encode_split_names(list(sources))
        shards = transformation.plan(
            sources, {split: artifact_utils.get_split_uri(outputs, split) for split in sources}
        )
        counts_path = files.join(transformed.uri, _PROVISIONAL_COUNTS_FILE_NAME)
        with self._make_beam_pipeline() as pipeline:
            transformation.transform(
                pipeline,
                shards,
                graph_directory=graph_uri,
                labels=labels,
                seq_len=config.seq_len,
                counts_path=counts_path,
            )
        transformation.remove_leftovers(shards)
        found = transformation.read_counts(counts_path, sources)
        digests: dict[str, str] = {}
        for of_split in found.values():
            digests |= record_digests.take(of_split)
        counts = {**label_check.check(found, labels), **length_counts.for_manifest(found)}
        parameters = {
            "seq_len": config.seq_len,
            "uncased": config.uncased,
            "keep_accents": config.keep_accents,
            "labels": list(config.labels),
            "vocabulary_size": vocabulary.size,
        }
        if config.max_qa_length is not None:
            parameters["max_qa_length"] = config.max_qa_length
        manifest.Manifest(
            record_type=config.record_type.name,
            parameters=parameters,
            vocabulary_sha256=vocabulary.sha256,
            shards=transformation.shard_names(shards),
            counts=counts,
            digests=digests,
        ).write(transformed.uri)
        files.remove(counts_path)
        counts_file.amount(counts, sources, label_check.RECORDS).log(_logger)


def _find_examples(examples: list[types.Artifact]) -> dict[str, list[str]]:
    """Returns the paths of the raw examples by split."""
    splits = artifact_utils.decode_split_names(
        artifact_utils.get_single_instance(examples).split_names
    )
    if _TRAIN_SPLIT not in splits:
        raise ValueError(f"The raw examples have no split {_TRAIN_SPLIT!r}, only {splits}.")
    return {
        split: files.in_folder(
            artifact_utils.get_split_uri(examples, split),
            purpose=f"raw examples of split {split!r}",
        )
        for split in splits
    }


def _read_schema(schema: list[types.Artifact]) -> schema_pb2.Schema:
    pattern = files.join(files.escape(artifact_utils.get_single_uri(schema)), "*.pbtxt")
    (path,) = files.expand(pattern, purpose="schema of the raw examples")
    return text_format.Parse(files.read_bytes(path), schema_pb2.Schema())
