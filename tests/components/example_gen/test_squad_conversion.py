"""SQuAD files to raw examples, as a library and inside TFX."""

import json

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components import dead_letters, files, tfrecords
from components.example_gen import outcome, squad_conversion, squad_examples
from components.example_gen.squad_conversion import SquadSettings


def article(name, num_paragraphs=1, **changes):
    paragraphs = [
        {
            "context": f"{name} has a cat.",
            "qas": [
                {
                    "id": f"{name}-{number}",
                    "question": "Who has a cat?",
                    "answers": [{"text": name, "answer_start": 0}],
                    **changes,
                }
            ],
        }
        for number in range(num_paragraphs)
    ]
    return {"title": name, "paragraphs": paragraphs}


def write(path, *articles):
    path.write_text(json.dumps({"version": "v2.0", "data": articles}))


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "train-a.json", article("Ann", 2), article("Ben"))
    write(folder / "train-b.json", article("Cas"))
    write(folder / "dev.json", article("Dan"))
    return folder


def convert(settings, data, tmp_path):
    inputs = squad_conversion.find_files(settings, str(data))
    out = tmp_path / "out"
    with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
        squad_conversion.convert(
            pipeline,
            settings,
            inputs,
            data_root=str(data),
            directory=str(out),
            split_directories={s: f"{out}/Split-{s}" for s in settings.output_splits},
        )
    return squad_conversion.finish(settings, inputs, directory=str(out)), out


def articles_of(out, split):
    return [
        squad_examples.decode(record).article
        for path in files.expand(f"{out}/Split-{split}/*")
        for record in tfrecords.read_records(path)
    ]


def test_every_paragraph_is_an_example_of_its_split(data, tmp_path):
    settings = SquadSettings({"train": "train-*.json", "eval": "dev.json"})
    counts, out = convert(settings, data, tmp_path)
    assert articles_of(out, "train") == ["Ann", "Ann", "Ben", "Cas"]
    assert articles_of(out, "eval") == ["Dan"]
    assert (counts["train/paragraphs"], counts["train/questions"]) == (4, 4)
    assert json.loads((out / "counts.json").read_text()) == counts
    assert sorted(path.name for path in out.iterdir()) == [
        "Split-eval",
        "Split-train",
        "counts.json",
    ]


def test_articles_are_shared_out_whole(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    names = [f"Name{number}" for number in range(40)]
    write(data / "all.json", *(article(name, 2) for name in names))
    settings = SquadSettings({"all": "all.json"}, article_split={"train": 3, "eval": 1})
    _, out = convert(settings, data, tmp_path)
    train, evaluation = articles_of(out, "train"), articles_of(out, "eval")
    assert not set(train) & set(evaluation)
    assert sorted(train + evaluation) == sorted(names * 2)
    assert 0 < len(evaluation) < len(train)


def test_what_cannot_be_used_is_kept_counted_and_bounded(data, tmp_path):
    write(data / "dev.json", article("Dan", 9), article("Eve", 1, question=7), {"title": "Fay"})
    settings = SquadSettings(
        {"train": "train-*.json", "eval": "dev.json"}, max_dead_letter_share=0.2
    )
    counts, out = convert(settings, data, tmp_path)
    assert counts["eval/dead_letters/wrong type"] == 1
    assert counts["eval/dead_letters/missing key"] == 1
    lines = (out / "dead_letters" / "eval-file-00000.jsonl").read_text().splitlines()
    assert "Eve-0" in json.loads(lines[0])["position"]
    strict = SquadSettings({"train": "train-*.json", "eval": "dev.json"})
    with pytest.raises(dead_letters.TooManyDeadLettersError, match="2 of 11 questions"):
        convert(strict, data, tmp_path / "strict")


def test_a_split_without_questions_and_a_pattern_without_files_are_errors(data, tmp_path):
    write(data / "dev.json")
    settings = SquadSettings({"train": "train-*.json", "eval": "dev.json"})
    with pytest.raises(outcome.EmptySplitError, match=r"'eval' got no question.*dev\.json"):
        convert(settings, data, tmp_path)
    with pytest.raises(files.NoSuchFilesError, match=r"nothing\.json"):
        squad_conversion.find_files(SquadSettings({"train": "nothing.json"}), str(data))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"patterns": {}}, "patterns is empty"),
        (
            {"patterns": {"a": "x", "b": "y"}, "article_split": {"train": 1}},
            "one set of files, but patterns has 2",
        ),
        ({"patterns": {"a": "x"}, "article_split": {"train": 0}}, "at least 1"),
        ({"patterns": {"a": "x"}, "max_dead_letter_share": 2.0}, r"\[0, 1\]"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        SquadSettings(**values)


def test_executor_fills_the_artifact(data, tmp_path):
    from tfx.components.util import examples_utils
    from tfx.types import artifact_utils, standard_artifacts

    from components.example_gen.squad_component import SquadExampleGen
    from components.example_gen.squad_executor import Executor

    settings = SquadSettings({"train": "train-*.json", "eval": "dev.json"}, seed=5)
    component = SquadExampleGen(str(data), settings)
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "examples")
    Executor().Do({}, {"examples": [artifact]}, dict(component.exec_properties))
    assert set(artifact_utils.decode_split_names(artifact.split_names)) == {"train", "eval"}
    assert examples_utils.get_file_format(artifact) == "tfrecords_gzip"
    assert articles_of(artifact.uri, "train") == ["Ann", "Ann", "Ben", "Cas"]
