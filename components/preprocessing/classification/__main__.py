"""`python -m components.preprocessing.classification`: turns raw examples into records."""

from __future__ import annotations

import argparse

from components import files, standalone


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seq-len", type=int, required=True, help="pieces per record")
    parser.add_argument("--uncased", action="store_true", help="texts are lowered")
    parser.add_argument("--keep-accents", action="store_true", help="accents are kept")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument(
        "--labels", nargs="+", metavar="LABEL", help="of the task, in the order of their ids"
    )
    task.add_argument("--regression", action="store_true", help="labels are numbers")
    parser.add_argument(
        "--max-qa-length",
        type=int,
        help="of multiple choice: most pieces of a question with one of its options",
    )


def _run(options: argparse.Namespace) -> None:
    from components.preprocessing.classification.component import ClassificationPreprocessor

    schema = options.schema or _infer_schema(options)
    component = ClassificationPreprocessor(
        examples=standalone.channel("Examples"),
        schema=standalone.channel("Schema"),
        sentencepiece_model=standalone.channel("SentencePieceModel"),
        seq_len=options.seq_len,
        uncased=options.uncased,
        keep_accents=options.keep_accents,
        labels=options.labels,
        max_qa_length=options.max_qa_length,
    )
    standalone.execute(
        component,
        inputs={
            "examples": options.examples,
            "schema": schema,
            "sentencepiece_model": options.sentencepiece_model,
        },
        outputs={
            "transformed_examples": options.records,
            "transform_graph": options.transform_graph,
        },
        beam_args=options.beam_args,
    )


def _infer_schema(options: argparse.Namespace) -> str:
    """Does what StatisticsGen and SchemaGen do in a pipeline; returns the folder of the schema."""
    import tensorflow_data_validation as tfdv
    from apache_beam.options.pipeline_options import PipelineOptions
    from google.protobuf import text_format

    pattern = files.all_in(files.join(options.examples, "Split-train"))
    statistics = tfdv.generate_statistics_from_tfrecord(
        pattern,
        pipeline_options=PipelineOptions(list(options.beam_args or standalone.DEFAULT_BEAM_ARGS)),
    )
    schema = tfdv.infer_schema(statistics, infer_feature_shape=False)
    folder = files.join(options.transform_graph, "inferred_schema")
    text = text_format.MessageToString(schema)
    files.write_bytes(files.join(folder, "schema.pbtxt"), text.encode())
    return folder


COMMAND = standalone.Command(
    "raw examples to classification, regression or multiple-choice records",
    _run,
    {
        "examples": "folder that components.example_gen text wrote",
        "sentencepiece_model": "folder that components.tokenization wrote",
        "schema?": "folder with schema.pbtxt; inferred from the split train if there is none",
    },
    {"records": "gets the records", "transform_graph": "gets the graph that serving needs"},
    add_arguments=_add_arguments,
)

if __name__ == "__main__":
    standalone.run_and_exit("components.preprocessing.classification", COMMAND)
