"""Assembles the components of a question answering pipeline, from SQuAD files to a pushed model.

There is no StatisticsGen, SchemaGen or ExampleValidator: an example is a paragraph with lists of
questions and answers, about which TFDV could only report the lengths of the lists. SquadExampleGen
and the preprocessor count what is unusual about the data instead.
"""

from __future__ import annotations

from tfx.dsl.components.base import base_node

from components.evaluator.question_answering.component import QuestionAnsweringEvaluator
from components.example_gen.question_answering.component import SquadExampleGen
from components.preprocessing.question_answering.component import QuestionAnsweringPreprocessor
from components.pusher.component import QuestionAnsweringPusher
from components.trainer.question_answering import run_fn as run_fn_module
from components.trainer.question_answering.fine_tuning import QuestionAnsweringFineTuningConfig
from pipeline import shared_nodes
from pipeline.baseline import ResolveBaseline, model_of
from pipeline.kinds.question_answering.config import QuestionAnsweringPipelineConfig

# The features with text in the examples of
# `components.example_gen.question_answering.squad_examples`.
_TEXT_FEATURES = ("context", "question")


def make_components(
    config: QuestionAnsweringPipelineConfig,
    *,
    resolve_baseline: ResolveBaseline,
) -> list[base_node.BaseNode]:
    """Makes all components, each after those whose outputs it reads; see `Kind.make_components`."""
    example_gen = SquadExampleGen(
        data_root=config.data.root, settings=config.data.settings(seed=config.training.seed)
    )
    examples = example_gen.outputs["examples"]
    sentencepiece_gen = shared_nodes.vocabulary(config, examples, text_features=_TEXT_FEATURES)
    preprocessor = QuestionAnsweringPreprocessor(
        examples=examples,
        sentencepiece_model=sentencepiece_gen.outputs["model"],
        windows=config.windows,
        uncased=config.vocabulary.uncased,
        keep_accents=config.vocabulary.keep_accents,
        num_shards=config.num_shards,
        seed=config.training.seed,
        max_dead_letter_share=config.data.max_dead_letter_share,
    )
    records = preprocessor.outputs["records"]
    *search, trainer = shared_nodes.training(
        config,
        run_fn_module=run_fn_module,
        run_config=fine_tuning(config),
        examples=records,
    )
    baseline = resolve_baseline(trainer.outputs["model"])
    evaluator = QuestionAnsweringEvaluator(
        records=records,
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        baseline_model=model_of(baseline),
        config=config.evaluation,
        decoding=config.decoding,
        batch_size=config.training.eval_batch_size,
        title=f"Question answering: evaluation of {config.name}",
        lineage=shared_nodes.lineage(config),
    )
    pusher = shared_nodes.pusher(
        config,
        model=trainer.outputs["model"],
        evaluator=evaluator,
        pusher_type=QuestionAnsweringPusher,
    )
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


def fine_tuning(config: QuestionAnsweringPipelineConfig) -> QuestionAnsweringFineTuningConfig:
    """Selects the part of the configuration that the Trainer needs."""
    return QuestionAnsweringFineTuningConfig(
        windows=config.windows,
        uncased=config.vocabulary.uncased,
        keep_accents=config.vocabulary.keep_accents,
        start_n_top=config.start_n_top,
        end_n_top=config.end_n_top,
        decoding=config.decoding,
        model=config.trained_model,
        options=config.options,
        training=config.training,
        init_from=config.init_from,
    )
