"""SQuAD files to raw examples, as a library and inside TFX."""

import json

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components import configuration, dead_letter_file, dead_letters, files, tfrecords
from components.example_gen.classification import outcome
from components.example_gen.classification.outcome import EmptySplitError
from components.example_gen.question_answering import squad_conversion, squad_examples, squad_inputs
from components.example_gen.question_answering.squad_inputs import SquadSettings


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
    inputs = squad_inputs.find_files(settings, str(data))
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
        squad_inputs.find_files(SquadSettings({"train": "nothing.json"}), str(data))


def test_placeholders_of_tfx_stand_for_anything(data):
    found = [
        squad_inputs.find_files(SquadSettings({"train": f"train-{name}.json"}), str(data))
        for name in ("*", "{SPAN}")
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"patterns": {}}, "patterns is empty"),
        (
            {"patterns": {"a": "x", "b": "y"}, "article_split": {"train": 1}},
            "one set of files, but patterns has 2",
        ),
        (
            {"patterns": {"a": "x"}, "article_split": {"train": 0}},
            "split.train must be positive",
        ),
        ({"patterns": {"a": "x"}, "max_dead_letter_share": 2.0}, "at most 1, but is 2"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        configuration.build(SquadSettings, values)


def test_executor_fills_the_artifact(data, tmp_path, local_beam):
    from tfx.components.util import examples_utils
    from tfx.types import artifact_utils, standard_artifacts

    from components.example_gen.question_answering.component import SquadExampleGen
    from components.example_gen.question_answering.executor import Executor

    settings = SquadSettings({"train": "train-*.json", "eval": "dev.json"}, seed=5)
    component = SquadExampleGen(str(data), settings)
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "examples")
    Executor(local_beam).Do({}, {"examples": [artifact]}, dict(component.exec_properties))
    assert set(artifact_utils.decode_split_names(artifact.split_names)) == {"train", "eval"}
    assert examples_utils.get_file_format(artifact) == "tfrecords_gzip"
    assert articles_of(artifact.uri, "train") == ["Ann", "Ann", "Ben", "Cas"]


def qa(number):
    answers = [{"text": "x", "answer_start": 0}]
    return {"id": f"q{number}", "question": "?", "answers": answers}


def many(title, key, numbers):
    paragraph = {"context": "x y", "qas": [qa(number) for number in numbers]}
    return {"title": title, key: [paragraph]}


def test_a_lost_article_counts_its_questions(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write(
        folder / "a.json",
        many("A", "paragraphs", range(60)),
        many("B", "paragraph", range(60, 500)),
    )
    settings = SquadSettings({"train": "a.json"})
    with pytest.raises(
        dead_letters.TooManyDeadLettersError,
        match=r"440 of 500 questions \(88.00%\).*missing key: 1.*a\.json, article 1: missing key",
    ):
        convert(settings, folder, tmp_path)


def test_an_article_that_cannot_be_taken_apart_fails(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "a.json", many("A", "paragraphs", range(60)), "B")
    with pytest.raises(dead_letters.TooManyDeadLettersError, match="An unknown number of"):
        convert(SquadSettings({"train": "a.json"}), folder, tmp_path)
    counts, _ = convert(
        SquadSettings({"train": "a.json"}, max_dead_letter_share=1), folder, tmp_path / "all"
    )
    assert counts["train/questions"] == 60


def test_untitled_articles_are_drawn_by_file_and_number(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(10):
        article = many("", "paragraphs", [number])
        write(folder / f"doc{number}.json", article)
    settings = SquadSettings({"all": "*.json"}, article_split={"train": 7, "eval": 3})
    counts, out = convert(settings, folder, tmp_path)
    assert counts["train/questions"] + counts["eval/questions"] == 10
    found = sorted(articles_of(out, "train") + articles_of(out, "eval"))
    assert found == [f"article 0 of doc{number}.json" for number in range(10)]
    # And the same wherever the data lie.
    moved = folder.rename(tmp_path / "moved")
    assert convert(settings, moved, tmp_path / "again")[0] == counts


def test_articles_of_one_title_are_named_where_a_split_is_empty(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(5):
        write(folder / f"doc{number}.json", many("Untitled", "paragraphs", [number]))
    settings = SquadSettings({"all": "*.json"}, article_split={"train": 7, "eval": 3})
    with pytest.raises(EmptySplitError, match=r"5 articles have 1 different titles.*'Untitled'"):
        convert(settings, folder, tmp_path)


def test_what_is_judged_must_be_labelled(data, tmp_path):
    question = {"id": "x", "question": "?", "answer": [{"text": "x", "answer_start": 0}]}
    unlabelled = {"title": "T", "paragraphs": [{"context": "x", "qas": [question]}]}
    write(data / "dev.json", unlabelled)
    with pytest.raises(Exception, match=r"dev\.json, question x: there is no key 'answers'"):
        convert(SquadSettings({"train": "train-*.json", "eval": "dev.json"}), data, tmp_path)
    # Files that are only answered need no labels.
    settings = SquadSettings({"train": "train-*.json", "test": "dev.json"})
    assert convert(settings, data, tmp_path / "test")[0]["test/questions"] == 1


def test_training_needs_labels_too(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    question = {"id": "x", "question": "?", "answers": []}
    write(folder / "a.json", {"title": "T", "paragraphs": [{"context": "x", "qas": [question]}]})
    with pytest.raises(Exception, match=r"None of the 1 questions of .*a\.json has an answer"):
        convert(SquadSettings({"train": "a.json"}), folder, tmp_path)


def test_an_empty_split_says_what_was_rejected(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    question = {"id": "x", "question": "?", "answers": {"text": ["x"], "answer_start": [0]}}
    write(folder / "a.json", {"title": "T", "paragraphs": [{"context": "x", "qas": [question]}]})
    with pytest.raises(EmptySplitError, match=r"wrong type: 1.*question x: wrong type"):
        convert(SquadSettings({"train": "a.json"}), folder, tmp_path)


def test_dead_letters_outlive_the_output_of_a_failed_component(data, tmp_path):
    node = tmp_path / "SquadExampleGen"
    directory = node / "examples" / "3"
    letter = dead_letters.DeadLetter("a.json", "article 1", "missing key")
    with dead_letter_file.DeadLetterFile(str(directory / "dead_letters" / "train-0.jsonl")) as file:
        file.add(letter)

    class Context:
        stateful_working_dir = str(node / ".system" / "stateful_working_dir" / "1")

    kept = dead_letter_file.place_to_keep(Context(), str(directory))
    assert kept == str(node / "dead_letters" / "3")
    with (
        pytest.raises(ValueError, match="failed"),
        dead_letter_file.kept_on_failure(str(directory), kept),
    ):
        raise ValueError("failed")
    assert (node / "dead_letters" / "3" / "train-0.jsonl").read_text() == letter.to_json() + "\n"
    # Where nobody removes outputs they stay.
    assert dead_letter_file.place_to_keep(None, str(directory)) is None
