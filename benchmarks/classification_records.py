"""Measures classification records per second, against the published loop.

Both contestants make the same records from the same real texts (training and dev set of SST-2, and
both dev sets of MNLI) in this process, pinned to one core, with one TensorFlow thread:

- The peer is the published way, in plain Python with sentencepiece: normalise a text, cut it into
  pieces, look up the ids one by one, truncate by popping, pad, build a tf.train.Example, write it.
- Ours is the executor of `ClassificationPreprocessor` as a pipeline runs it: Beam, reading the
  compressed raw examples, the Transform graph on batches, checking the labels, encoding, and
  writing compressed files. It gets the rows three times, 210,000 records (MNLI has 393,000),
  because tracing, saving and loading the graph take some seconds for any amount of data. That start
  is part of the result. The rate without it, computed from the difference to a run on the rows
  once, is printed as well.

The time is processor time of this process, with all its threads, so that other work on the machine
does not count. The contestants take turns, and the result is the median over the turns.

Usage: python -m benchmarks.classification_records

The exit status is 1 if the target is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import logging
import os
import pathlib
import statistics
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator

TARGET_RATIO = 2.0
SEQ_LEN = 128
# Rows of the dev sets, which `read_rows` yields first.
NUM_EVAL = 2 * 1000 + 872
# First text, second text (may be empty) and label. Both data sets share one list of labels.
Row = tuple[str, str, str]
LABELS = ["0", "1", "contradiction", "entailment", "neutral"]
_PROJECT_ROOT = pathlib.Path(__file__).resolve().parent.parent


def main() -> int:
    """Runs the comparison; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3)
    turns = parser.parse_args().turns
    # TFX's Beam components parse sys.argv themselves.
    sys.argv = sys.argv[:1]
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})

    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    logging.disable(logging.WARNING)

    data_root = pathlib.Path(
        os.environ.get("XLNET_DATA_ROOT", _PROJECT_ROOT.parent / "shared" / "data")
    )
    model_path = str(data_root / "xlnet" / "spiece.model")
    rows = list(read_rows(data_root))
    # Warm up, because imports and the start of TensorFlow should not count for either contestant.
    for run in (run_peer, run_ours):
        _timed(run, rows[: 2 * NUM_EVAL], model_path)
    results = []
    for _ in range(turns):
        peer = len(rows) / _timed(run_peer, rows, model_path)
        once = _timed(run_ours, rows, model_path)
        thrice = _timed(run_ours, rows * 3, model_path)
        ours = 3 * len(rows) / thrice
        results.append((ours / peer, peer, ours, 2 * len(rows) / (thrice - once)))
    ratio, peer, ours, without_start = map(statistics.median, zip(*results, strict=True))
    print(f"peer (published loop):       {peer:8,.0f} records/s")
    print(f"ours (Transform component):  {ours:8,.0f} records/s")
    print(f"ours, without its start:     {without_start:8,.0f} records/s")
    print(
        f"ratio {ratio:.2f} (target {TARGET_RATIO}); {len(rows):,} and {3 * len(rows):,} records "
        f"of {SEQ_LEN} tokens, core {core} alone, medians of {turns} turns"
    )
    return 0 if ratio >= TARGET_RATIO else 1


def read_rows(data_root: pathlib.Path) -> Iterator[Row]:
    """Yields texts and labels: both dev sets of MNLI, then the dev and training set of SST-2."""
    glue = data_root / "glue"
    for name, text_a, text_b in (
        ("MNLI/dev_matched", 8, 9),
        ("MNLI/dev_mismatched", 8, 9),
        ("SST-2/dev", 0, None),
        ("SST-2/train", 0, None),
    ):
        with open(glue / f"{name}.tsv", encoding="utf-8", newline="") as file:
            lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            next(lines)
            for line in lines:
                yield line[text_a], "" if text_b is None else line[text_b], line[-1]


def run_peer(rows: list[Row], model_path: str, directory: pathlib.Path) -> None:
    """Makes one record at a time; this is the published loop, written again for this benchmark."""
    import sentencepiece
    import tensorflow as tf

    processor = sentencepiece.SentencePieceProcessor()
    processor.Load(model_path)
    label_ids = {label: index for index, label in enumerate(LABELS)}

    def tokenize(text: str) -> list[int]:
        text = " ".join(text.strip().split())
        text = text.replace("``", '"').replace("''", '"')
        text = unicodedata.normalize("NFKD", text)
        text = "".join([c for c in text if not unicodedata.combining(c)])
        pieces = []
        for piece in processor.EncodeAsPieces(text):
            if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
                number = processor.EncodeAsPieces(piece[:-1].replace("▁", ""))
                if piece[0] != "▁" and number[0][0] == "▁":
                    number = number[1:] if len(number[0]) == 1 else [number[0][1:], *number[1:]]
                pieces.extend([*number, ","])
            else:
                pieces.append(piece)
        return [processor.PieceToId(piece) for piece in pieces]

    def int64s(values: list[int]) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    with tf.io.TFRecordWriter(str(directory / "peer.tfrecord")) as writer:
        for text_a, text_b, label in rows:
            a = tokenize(text_a)
            b = tokenize(text_b) if text_b else []
            if b:
                while len(a) + len(b) > SEQ_LEN - 3:
                    (a if len(a) > len(b) else b).pop()
            else:
                a = a[: SEQ_LEN - 2]
            ids, segments = [], []
            for token in a:
                ids.append(token)
                segments.append(0)
            ids.append(4)
            segments.append(0)
            if b:
                for token in b:
                    ids.append(token)
                    segments.append(1)
                ids.append(4)
                segments.append(1)
            ids.append(3)
            segments.append(2)
            padding = SEQ_LEN - len(ids)
            mask = [1] * padding + [0] * len(ids)
            features = {
                "input_ids": int64s([0] * padding + ids),
                "input_mask": tf.train.Feature(float_list=tf.train.FloatList(value=mask)),
                "segment_ids": int64s([4] * padding + segments),
                "label_ids": int64s([label_ids[label]]),
                "is_real_example": int64s([1]),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def run_ours(rows: list[Row], model_path: str, directory: pathlib.Path) -> float:
    """Runs the component's executor on raw examples; returns its processor time in seconds.

    Writing the raw examples is not included in that time.
    """
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx.dsl.components.base import base_beam_executor
    from tfx.types import standard_artifacts

    from components import artifacts, tf_examples, tfrecords
    from components.preprocessing.classification import executor

    examples, schema, model, graph, transformed = (
        standard_artifacts.Examples(),
        standard_artifacts.Schema(),
        artifacts.SentencePieceModel(),
        standard_artifacts.TransformGraph(),
        standard_artifacts.Examples(),
    )
    for artifact, name in (
        (examples, "examples"),
        (schema, "schema"),
        (model, "model"),
        (graph, "graph"),
        (transformed, "transformed"),
    ):
        artifact.uri = str(directory / name)
        (directory / name).mkdir()
    examples.split_names = json.dumps(["train", "eval"])
    for split, split_rows in (("eval", rows[:NUM_EVAL]), ("train", rows[NUM_EVAL:])):
        tfrecords.write_records(
            str(directory / "examples" / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"),
            (
                tf_examples.encode(
                    {
                        name: [value.encode()]
                        for name, value in zip(("text_a", "text_b", "label"), row, strict=True)
                        if value
                    }
                )
                for row in split_rows
            ),
        )
    raw_schema = schema_pb2.Schema(
        feature=[
            schema_pb2.Feature(name=name, type=schema_pb2.BYTES)
            for name in ("text_a", "text_b", "label")
        ]
    )
    (directory / "schema" / "schema.pbtxt").write_text(str(raw_schema))
    (directory / "model" / "spiece.model").symlink_to(model_path)
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=FnApiRunner", "--sdk_container_image=unused"],
        tmp_dir=str(directory / "tmp"),
        unique_id="1",
    )
    began = time.process_time()
    executor.Executor(context).Do(
        {"examples": [examples], "schema": [schema], "sentencepiece_model": [model]},
        {"transform_graph": [graph], "transformed_examples": [transformed]},
        {"seq_len": SEQ_LEN, "uncased": 0, "labels": json.dumps(LABELS)},
    )
    return time.process_time() - began


def _timed(run, rows: list[Row], model_path: str) -> float:
    with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stderr(None):
        began = time.process_time()
        seconds = run(rows, model_path, pathlib.Path(directory))
        return time.process_time() - began if seconds is None else seconds


if __name__ == "__main__":
    sys.exit(main())
