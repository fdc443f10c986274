"""Assembles the components of a pipeline for classification, regression or multiple choice."""

from __future__ import annotations

import tensorflow_data_validation as tfdv
from tfx import components as tfx_components
from tfx.dsl.components.base import base_node

from components.bulk_inference.component import BulkInferrer
from components.evaluator.classification.component import Evaluator
from components.example_gen.classification.component import TextExampleGen
from components.example_gen.classification.settings import TextExampleGenSettings
from components.export.input_columns import InputColumns
from components.export.signatures import SERVING_TF_EXAMPLES
from components.preprocessing.classification import raw_features
from components.preprocessing.classification.component import ClassificationPreprocessor
from components.trainer.classification import run_fn as run_fn_module
from components.trainer.classification.fine_tuning import FineTuningConfig
from pipeline import shared_nodes
from pipeline.baseline import ResolveBaseline, model_of
from pipeline.kinds.classification.config import ClassificationPipelineConfig


def make_components(
    config: ClassificationPipelineConfig,
    *,
    resolve_baseline: ResolveBaseline,
) -> list[base_node.BaseNode]:
    """Makes all components, each after those whose outputs it reads; see `Kind.make_components`."""
    dataset = config.data.resolve()
    example_gen = TextExampleGen(
        data_root=config.data.root,
        settings=TextExampleGenSettings(
            dataset=dataset,
            seed=config.training.seed,
            max_dead_letter_share=config.data.max_dead_letter_share,
        ),
    )
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx_components.StatisticsGen(
        examples=examples,
        # The other features record where an example comes from; they always differ between splits.
        stats_options=tfdv.StatsOptions(feature_allowlist=list(raw_features.NAMES)),
    )
    schema_gen = tfx_components.SchemaGen(
        statistics=statistics_gen.outputs["statistics"],
        # The schema describes the training data alone, so that deviations elsewhere are anomalies.
        exclude_splits=sorted(set(dataset.output_splits) - {"train"}),
        infer_feature_shape=False,
    )
    example_validator = tfx_components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"],
        schema=schema_gen.outputs["schema"],
        # Test files have no labels, which would be reported as an anomaly.
        exclude_splits=["test"],
    )
    sentencepiece_gen = shared_nodes.vocabulary(
        config, examples, text_features=dataset.text_features
    )
    preprocessor = ClassificationPreprocessor(
        examples=examples,
        schema=schema_gen.outputs["schema"],
        sentencepiece_model=sentencepiece_gen.outputs["model"],
        seq_len=config.seq_len,
        uncased=config.vocabulary.uncased,
        keep_accents=config.vocabulary.keep_accents,
        labels=None if dataset.is_regression else list(dataset.labels),
        max_qa_length=config.max_qa_length,
    )
    *search, trainer = shared_nodes.training(
        config,
        run_fn_module=run_fn_module,
        run_config=fine_tuning(config),
        examples=preprocessor.outputs["transformed_examples"],
        transform_graph=preprocessor.outputs["transform_graph"],
        schema=schema_gen.outputs["schema"],
    )
    baseline = resolve_baseline(trainer.outputs["model"])
    evaluator = Evaluator(
        examples=examples,
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        baseline_model=model_of(baseline),
        config=config.evaluation,
        metrics=dataset.metrics,
        metrics_beside=dataset.metrics_beside,
        labels=None if dataset.is_regression else dataset.labels,
        title=f"{dataset.name}: evaluation of {config.name}",
        lineage=shared_nodes.lineage(config),
        records=preprocessor.outputs["transformed_examples"],
        statistics=statistics_gen.outputs["statistics"],
        anomalies=example_validator.outputs["anomalies"],
    )
    pusher = shared_nodes.pusher(config, model=trainer.outputs["model"], evaluator=evaluator)
    bulk_inferrer = []
    if config.bulk_inference_splits:
        bulk_inferrer.append(
            BulkInferrer(
                examples=examples,
                model=trainer.outputs["model"],
                model_blessing=evaluator.outputs["blessing"],
                splits=config.bulk_inference_splits,
                signature_name=SERVING_TF_EXAMPLES,
                is_regression=dataset.is_regression,
            )
        )
    return [
        example_gen,
        statistics_gen,
        schema_gen,
        example_validator,
        sentencepiece_gen,
        preprocessor,
        *search,
        trainer,
        *([baseline] if baseline else []),
        evaluator,
        pusher,
        *bulk_inferrer,
    ]


def fine_tuning(config: ClassificationPipelineConfig) -> FineTuningConfig:
    """Selects the part of the configuration that the Trainer needs."""
    dataset = config.data.resolve()
    return FineTuningConfig(
        kind=dataset.kind,
        task_name=dataset.name,
        labels=tuple(dataset.labels),
        metric_names=tuple(dataset.metrics),
        seq_len=config.seq_len,
        uncased=config.vocabulary.uncased,
        keep_accents=config.vocabulary.keep_accents,
        model=config.trained_model,
        options=config.options,
        training=config.training,
        init_from=config.init_from,
        input_columns=InputColumns.of(dataset),
    )
