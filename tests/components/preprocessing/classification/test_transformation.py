import pathlib

import apache_beam as beam
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from components import tf_examples, tfrecords
from components.preprocessing import record_digests
from components.preprocessing.classification import preprocessing, transform_graph, transformation
from components.tokenization import train_sentencepiece


@pytest.fixture(scope="module")
def graph_directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("graph")
    trained = train_sentencepiece.train(["a dog and a cat"] * 20, vocabulary_size=26)
    (directory / "spiece.model").write_bytes(trained.model)
    # The schema insists on a label, as one inferred from labelled splits may.
    features = [
        schema_pb2.Feature(name=name, type=schema_pb2.BYTES) for name in ("text_a", "text_b")
    ]
    label = schema_pb2.Feature(name="label", type=schema_pb2.BYTES)
    label.presence.min_fraction = 1
    label.shape.dim.add(size=1)
    transform_graph.build(
        schema_pb2.Schema(feature=[*features, label]),
        preprocessing.PreprocessingConfig(
            sentencepiece_model=str(directory / "spiece.model"),
            seq_len=16,
            uncased=False,
            regression=True,
        ),
        directory=str(directory / "graph"),
    )
    return str(directory / "graph")


def test_plan_names_files_as_tfx_does():
    shards = transformation.plan(
        {"train": ["in/a.gz", "in/b.gz"], "eval": ["in/c.gz"]},
        {"train": "out/Split-train", "eval": "out/Split-eval"},
    )
    assert shards[1] == transformation.Shard(
        "train", "in/b.gz", "out/Split-train/transformed_examples-00001-of-00002.gz"
    )
    assert transformation.shard_names(shards) == {
        "train": [
            "Split-train/transformed_examples-00000-of-00002.gz",
            "Split-train/transformed_examples-00001-of-00002.gz",
        ],
        "eval": ["Split-eval/transformed_examples-00000-of-00001.gz"],
    }


def test_leftovers_of_killed_workers_are_removed(tmp_path):
    shards = transformation.plan({"train": ["a"]}, {"train": str(tmp_path)})
    name = shards[0].target.rpartition("/")[2]
    (tmp_path / name).touch()
    (tmp_path / f"{name}.0123.partial").touch()
    transformation.remove_leftovers(shards)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_files_keep_their_order_over_batches(graph_directory, tmp_path, monkeypatch):
    monkeypatch.setattr(transformation, "_BATCH_SIZE", 7)
    monkeypatch.setattr(transformation, "_BATCH_BYTES", 200)
    sources = []
    for number, size in enumerate((30, 0, 5)):
        sources.append(str(tmp_path / f"raw-{number}.gz"))
        tfrecords.write_records(
            sources[-1],
            [
                # Every third has no label, although the schema insists.
                tf_examples.encode(
                    {"text_a": [b"a dog"], **({"label": [f"{n}".encode()]} if n % 3 else {})}
                )
                for n in range(100 * number, 100 * number + size)
            ],
        )
    shards = transformation.plan({"test": sources}, {"test": str(tmp_path / "out")})
    counts_path = str(tmp_path / "counts.json")
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        transformation.transform(
            pipeline,
            shards,
            graph_directory=graph_directory,
            labels=None,
            seq_len=16,
            counts_path=counts_path,
        )
    labels = [
        [tf_examples.decode(record)["label_ids"][0] for record in tfrecords.read_records(path)]
        for path in (shard.target for shard in shards)
    ]
    assert labels == [
        [n if n % 3 else 0 for n in range(30)],
        [],
        [n if n % 3 else 0 for n in range(200, 205)],
    ]
    counts = transformation.read_counts(counts_path, ["test", "empty"])
    assert counts["empty"] == {}
    digests = record_digests.take(counts["test"])
    assert list(digests) == [f"out/{pathlib.Path(shard.target).name}" for shard in shards]
    # "a dog" and two special tokens, in bins of two.
    (length,) = (name for name in counts["test"] if name.startswith("lengths/"))
    tokens = counts["test"]["tokens"] / 35
    bound = int(length.removeprefix("lengths/"))
    assert bound - 1 <= tokens <= bound
    assert counts["test"] == {
        "records": 35,
        "unknown/": 12,
        "cut": 0,
        "tokens": 35 * tokens,
        "unknown_tokens": 0,
        length: 35,
    }


def test_equal_records_are_equal_bytes(graph_directory):
    graph = transform_graph.TransformGraph(graph_directory)
    examples = [
        tf_examples.encode({"text_a": [b"a dog"], "text_b": [b""], "label": [b"%d.5" % number]})
        for number in range(20)
    ]
    records = graph(examples).records
    for record in records:
        # Features follow one another by name, which no message promises by itself.
        names = ("input_ids", "input_mask", "is_real_example", "label_ids", "segment_ids")
        places = [record.index(name.encode()) for name in names]
        assert places == sorted(places)
        assert tf_examples.encode(tf_examples.decode(record)) == record
    assert transform_graph.TransformGraph(graph_directory)(examples).records == records
