"""Assembles the components of a pretraining pipeline, from running text to a pushed encoder.

There is no StatisticsGen, SchemaGen or ExampleValidator: an example is a whole document, about
which TFDV could only report its length. CorpusExampleGen and the preprocessor count what is unusual
about documents instead.
"""

from __future__ import annotations

from tfx.dsl.components.base import base_node

from components.evaluator.pretraining.component import PretrainingEvaluator
from components.example_gen.pretraining.component import CorpusExampleGen
from components.example_gen.pretraining.corpus import TEXT_FEATURE
from components.preprocessing.pretraining.component import PretrainingPreprocessor
from components.trainer.pretraining import run_fn as run_fn_module
from components.trainer.pretraining.pretrain import PretrainingConfig
from pipeline import shared_nodes
from pipeline.baseline import ResolveBaseline, model_of
from pipeline.kinds.pretraining.config import PretrainingPipelineConfig


def make_components(
    config: PretrainingPipelineConfig,
    *,
    resolve_baseline: ResolveBaseline,
) -> list[base_node.BaseNode]:
    """Makes all components, each after those whose outputs it reads; see `Kind.make_components`."""
    example_gen = CorpusExampleGen(
        data_root=config.data.root, settings=config.data.settings(seed=config.records.seed)
    )
    examples = example_gen.outputs["examples"]
    sentencepiece_gen = shared_nodes.vocabulary(config, examples, text_features=[TEXT_FEATURE])
    preprocessor = PretrainingPreprocessor(
        examples=examples,
        sentencepiece_model=sentencepiece_gen.outputs["model"],
        config=config.records,
        from_raw_text=config.data.from_raw_text,
    )
    records = preprocessor.outputs["records"]
    *search, trainer = shared_nodes.training(
        config,
        run_fn_module=run_fn_module,
        run_config=pretraining(config),
        examples=records,
    )
    baseline = resolve_baseline(trainer.outputs["model"])
    evaluator = PretrainingEvaluator(
        records=records,
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        baseline_model=model_of(baseline),
        config=config.evaluation,
        pretraining=pretraining(config),
        title=f"Pretraining: evaluation of {config.name}",
        lineage=shared_nodes.lineage(config),
    )
    pusher = shared_nodes.pusher(config, model=trainer.outputs["model"], evaluator=evaluator)
    return [
        example_gen,
        sentencepiece_gen,
        preprocessor,
        *search,
        trainer,
        *([baseline] if baseline else []),
        evaluator,
        pusher,
    ]


def pretraining(config: PretrainingPipelineConfig) -> PretrainingConfig:
    """Selects the part of the configuration that the Trainer and the evaluator need."""
    return PretrainingConfig(
        seq_len=config.records.seq_len,
        num_predict=config.records.num_predict,
        uncased=config.vocabulary.uncased,
        keep_accents=config.vocabulary.keep_accents,
        perm_size=config.longest_permutation,
        leak_ratio=config.leak_ratio,
        tie_weight=config.tie_weight,
        weight=config.weight,
        mix_with=config.mix_with,
        model=config.trained_model,
        options=config.model_options,
        training=config.training,
        init_from=config.init_from,
    )
