"""Executor of ClassificationPreprocessor: TFX's Transform, and the manifest of its records."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format
from tfx import types
from tfx.components.transform import executor as transform_executor
from tfx.proto import transform_pb2
from tfx.types import artifact_utils, standard_component_specs

from components import artifacts, configuration, files, manifest, records
from components.preprocessing.classification import label_check, preprocessing
from components.tokenization import vocabulary as vocabulary_lib

SENTENCEPIECE_MODEL_KEY = "sentencepiece_model"
SEQ_LEN_KEY = "seq_len"
UNCASED_KEY = "uncased"
LABELS_KEY = "labels"

_TRAIN_SPLIT = "train"
_PREPROCESSING_FN = f"{preprocessing.__name__}.{preprocessing.preprocessing_fn.__name__}"


class Executor(transform_executor.Executor):
    """Transforms every split with `preprocessing.preprocessing_fn`."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the Transform graph, the records and, last, their manifest.

        Args:
            input_dict: `examples` (one artifact of raw Examples), `schema` and
                `sentencepiece_model`.
            output_dict: `transform_graph` and `transformed_examples`.
            exec_properties: `seq_len`, `uncased` (0 or 1) and `labels` (a JSON list, or "null"
                for regression).

        Raises:
            ValueError: if the examples have no split "train".
            LabelError: if examples of "train" or "eval" have no known label.
        """
        inputs = dict(input_dict)
        model_uri = artifact_utils.get_single_uri(inputs.pop(SENTENCEPIECE_MODEL_KEY))
        model_path = artifacts.sentencepiece_model_path(model_uri)
        vocabulary = vocabulary_lib.load(model_path)
        labels = json.loads(exec_properties[LABELS_KEY])
        examples = artifact_utils.get_single_instance(inputs[standard_component_specs.EXAMPLES_KEY])
        splits = sorted(artifact_utils.decode_split_names(examples.split_names))
        if _TRAIN_SPLIT not in splits:
            raise ValueError(f"The raw examples have no split {_TRAIN_SPLIT!r}, only {splits}.")
        counts = label_check.count_examples(
            {split: _files([examples], split) for split in splits}, labels
        )

        config = preprocessing.PreprocessingConfig(
            sentencepiece_model=model_path,
            seq_len=exec_properties[SEQ_LEN_KEY],
            uncased=bool(exec_properties[UNCASED_KEY]),
            labels=tuple(labels or ()),
            regression=labels is None,
        )
        splits_config = transform_pb2.SplitsConfig(analyze=[_TRAIN_SPLIT], transform=splits)
        super().Do(
            inputs,
            output_dict,
            {
                standard_component_specs.PREPROCESSING_FN_KEY: _PREPROCESSING_FN,
                standard_component_specs.CUSTOM_CONFIG_KEY: configuration.to_json(config),
                standard_component_specs.SPLITS_CONFIG_KEY: json_format.MessageToJson(
                    splits_config, preserving_proto_field_name=True
                ),
                # StatisticsGen has looked at the raw examples; ids have no telling statistics.
                standard_component_specs.DISABLE_STATISTICS_KEY: 1,
                standard_component_specs.FORCE_TF_COMPAT_V1_KEY: 0,
            },
        )

        transformed = artifact_utils.get_single_instance(
            output_dict[standard_component_specs.TRANSFORMED_EXAMPLES_KEY]
        )
        record_type = records.REGRESSION if config.regression else records.CLASSIFICATION
        manifest.Manifest(
            record_type=record_type.name,
            parameters={
                "seq_len": config.seq_len,
                "uncased": config.uncased,
                "labels": list(config.labels),
                "vocabulary_size": vocabulary.size,
            },
            vocabulary_sha256=vocabulary.sha256,
            shards={
                split: [
                    path[len(transformed.uri) :].lstrip("/")
                    for path in _files([transformed], split)
                ]
                for split in splits
            },
            counts=counts,
        ).write(transformed.uri)


def _files(examples: list[types.Artifact], split: str) -> list[str]:
    pattern = files.join(artifact_utils.get_split_uri(examples, split), "*")
    return files.expand(pattern, purpose=f"examples of split {split!r}")
