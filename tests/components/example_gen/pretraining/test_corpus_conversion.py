"""Corpus files to raw examples, as a library and inside TFX."""

import gzip
import json
import shutil

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components import configuration, files, tf_examples, tfrecords
from components.dead_letters import TooManyDeadLettersError
from components.example_gen import patterns
from components.example_gen.classification import outcome
from components.example_gen.pretraining import corpus_conversion, corpus_inputs
from components.example_gen.pretraining.corpus_inputs import CorpusSettings


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    (folder / "novels").mkdir(parents=True)
    (folder / "novels" / "a.txt").write_text("One.\nTwo.\n\nThree.\n")
    with gzip.open(folder / "novels" / "b.txt.gz", "wt") as file:
        file.write("Four.\n\n\nFive.\n")
    (folder / "more.txt").write_text("Six.\n")
    examples = [{"text": [b"%d" % n], "source": [b"web"], "line": [1]} for n in (7, 8)]
    tfrecords.write_records(str(folder / "a.tfrecord"), map(tf_examples.encode, examples))
    return folder


EVERYTHING = CorpusSettings({"train": ("novels/*", "*.txt")})


def convert(settings, data, out):
    inputs = corpus_inputs.find_files(settings, str(data))
    with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
        corpus_conversion.convert(
            pipeline,
            settings,
            inputs,
            directory=str(out),
            split_directories={s: f"{out}/Split-{s}" for s in settings.output_splits},
        )
    return corpus_conversion.finish(settings, inputs, directory=str(out))


def documents(out, split):
    """(place, text) of each example."""
    found = []
    for path in files.expand(f"{out}/Split-{split}/*"):
        for record in tfrecords.read_records(path):
            features = tf_examples.decode(record)
            (source,), (line,), (text,) = (features[n] for n in ("source", "line", "text"))
            found.append(((source.decode(), line), text.decode()))
    return found


def contents(out):
    return {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }


def test_every_document_is_an_example_with_its_place(data, tmp_path):
    counts = convert(EVERYTHING, data, tmp_path / "out")
    assert sorted(documents(tmp_path / "out", "train")) == [
        (("more.txt", 1), "Six."),
        (("novels/a.txt", 1), "One.\nTwo."),
        (("novels/a.txt", 4), "Three."),
        (("novels/b.txt.gz", 1), "Four."),
        (("novels/b.txt.gz", 4), "Five."),
    ]
    assert (counts["train/documents"], counts["train/lines"]) == (5, 6)
    assert json.loads((tmp_path / "out" / "counts.json").read_text()) == counts


def test_a_corpus_may_move_and_a_run_be_repeated(data, tmp_path):
    examples = CorpusSettings({"train": ("a.tfrecord",)}, file_format="tfrecord")
    convert(EVERYTHING, data, tmp_path / "first")
    convert(examples, data, tmp_path / "from_examples")
    place = ("a.tfrecord", 1), ("a.tfrecord", 2)
    assert documents(tmp_path / "from_examples", "train") == list(zip(place, "78", strict=True))
    shutil.move(data, tmp_path / "elsewhere")
    convert(EVERYTHING, tmp_path / "elsewhere", tmp_path / "second")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_large_files_are_cut_between_documents_and_keep_their_order(tmp_path):
    (tmp_path / "data").mkdir()
    texts = [f"Document {number}.\nIts second line." for number in range(50)]
    (tmp_path / "data" / "large.txt").write_text("\n\n".join(texts))
    settings = CorpusSettings({"train": ("large.txt",)}, unit_bytes=300)
    convert(settings, tmp_path / "data", tmp_path / "out")
    assert len(list((tmp_path / "out" / "Split-train").iterdir())) > 4
    # Files sort by the place where they begin, so together they are the input.
    found = documents(tmp_path / "out", "train")
    assert [text for _, text in found] == texts
    assert [line for (_, line), _ in found] == [1 + 3 * number for number in range(50)]


def test_documents_are_shared_out_whole(tmp_path):
    (tmp_path / "data").mkdir()
    texts = [f"Document {number}.\nIts second line." for number in range(60)]
    (tmp_path / "data" / "all.txt").write_text("\n\n".join(texts))
    settings = CorpusSettings({"all": ("*.txt",)}, document_split={"train": 3, "eval": 1})
    counts = convert(settings, tmp_path / "data", tmp_path / "out")
    train, held_out = (
        [text for _, text in documents(tmp_path / "out", split)] for split in ("train", "eval")
    )
    assert sorted(train + held_out) == sorted(texts)
    assert 0 < len(held_out) < len(train)
    assert counts["eval/documents"] == len(held_out)


def test_json_lines_and_what_cannot_be_used(tmp_path):
    (tmp_path / "data").mkdir()
    lines = [json.dumps({"body": f"Text {n}."}) for n in range(30)]
    (tmp_path / "data" / "a.jsonl").write_text("\n".join([*lines, "{broken", '{"body": 3}']))
    settings = CorpusSettings(
        {"train": ("*.jsonl",)},
        file_format="jsonl",
        text_field="body",
        max_dead_letter_share=0.1,
    )
    counts = convert(settings, tmp_path / "data", tmp_path / "out")
    assert counts["train/documents"] == 30
    assert counts["train/dead_letters/not JSON"] == counts["train/dead_letters/no text"] == 1
    letters = (tmp_path / "out" / "dead_letters" / "train-00000-000000000000000.jsonl").read_text()
    assert [json.loads(line)["position"] for line in letters.splitlines()] == ["31", "32"]
    strict = CorpusSettings({"train": ("*.jsonl",)}, file_format="jsonl", text_field="body")
    with pytest.raises(TooManyDeadLettersError, match=r"18 of 608 bytes .*line 31: not JSON"):
        convert(strict, tmp_path / "data", tmp_path / "strict")
    assert not (tmp_path / "strict" / "counts.json").exists()


def test_a_text_without_blank_lines_cannot_be_split(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("A line.\n" * 100)
    settings = CorpusSettings({"all": ("*.txt",)}, document_split={"train": 99, "eval": 1})
    with pytest.raises(
        outcome.EmptySplitError, match=r"'eval' got no document; there are 1 in all. A blank line"
    ):
        convert(settings, tmp_path / "data", tmp_path / "out")


def test_files_that_are_not_there_or_held_out_and_trained_on(data):
    with pytest.raises(files.NoSuchFilesError, match=r"nothing\.txt"):
        corpus_inputs.find_files(CorpusSettings({"train": ("nothing.txt",)}), str(data))
    for spelling in ("novels/a.txt", "./novels/a.txt", f"{data}//novels/../*/./a.txt"):
        leaking = CorpusSettings({"train": ("novels/*", "*.txt"), "eval": (spelling,)})
        with pytest.raises(ValueError, match=r"a\.txt belongs to the splits 'train' and 'eval'"):
            corpus_inputs.find_files(leaking, str(data))


def test_an_object_in_a_bucket_has_one_spelling():
    assert patterns.resolve("gs://bucket/root", ".//a/../b.txt") == "gs://bucket/root/.//a/../b.txt"
    assert patterns.resolve("/root", "gs://bucket//a.txt") == "gs://bucket//a.txt"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"patterns": {}}, "patterns is empty"),
        ({"patterns": {"train": ()}}, "patterns is empty"),
        (
            {"patterns": {"a": ("x",), "b": ("y",)}, "document_split": {"train": 1}},
            "one set of files, but patterns has 2",
        ),
        (
            {"patterns": {"a": ("x",)}, "document_split": {"train": 0}},
            "split.train must be positive",
        ),
        (
            {"patterns": {"a": ("x",)}, "file_format": "pdf"},
            "legal values are 'text', 'jsonl'",
        ),
        ({"patterns": {"a": ("x",)}, "max_dead_letter_share": 2.0}, "at most 1, but is 2"),
        ({"patterns": {"a": ("x",)}, "unit_bytes": 0}, "unit_bytes must be positive"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        configuration.build(CorpusSettings, values)


def test_executor_fills_the_artifact(data, tmp_path, local_beam):
    from tfx.types import artifact_utils, standard_artifacts

    from components.example_gen.pretraining.component import CorpusExampleGen
    from components.example_gen.pretraining.executor import Executor

    settings = CorpusSettings({"train": ("novels/*", "*.txt"), "eval": ("more.*",)})
    held_out = CorpusSettings({"train": ("novels/*",), "eval": ("more.*",)})
    component = CorpusExampleGen(str(data), held_out)
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "examples")
    Executor(local_beam).Do({}, {"examples": [artifact]}, dict(component.exec_properties))
    assert set(artifact_utils.decode_split_names(artifact.split_names)) == {"train", "eval"}
    assert len(documents(tmp_path / "examples", "train")) == 4
    assert documents(tmp_path / "examples", "eval") == [(("more.txt", 1), "Six.")]
    with pytest.raises(ValueError, match="belongs to the splits"):
        Executor(local_beam).Do(
            {},
            {"examples": [artifact]},
            dict(CorpusExampleGen(str(data), settings).exec_properties),
        )
