import itertools
import json

import pytest

from components import files, manifest, tf_examples, tfrecords
from components.dead_letters import TooManyDeadLettersError
from components.example_gen.question_answering import squad, squad_examples
from components.preprocessing.question_answering import pipeline, records
from components.preprocessing.question_answering.config import WindowConfig
from components.preprocessing.question_answering.featurizer import Featurizer
from components.preprocessing.question_answering.plan import PlanError, make_plan
from tests.components.preprocessing.digests import sha256_of_records

CONFIG = WindowConfig(48, 16, 12)
CONTEXT = "The cat sat on the mat, and the dog lay on the rug. "


def _article(number, num_questions=3, context=CONTEXT):
    qas = [
        {
            "id": f"a{number}-q{i}",
            "question": "Where did the cat sit?",
            "answers": [{"text": "the mat", "answer_start": 15}],
        }
        for i in range(num_questions)
    ]
    return {"title": f"Article {number}", "paragraphs": [{"context": context, "qas": qas}]}


def _write(path, *articles):
    path.write_text(json.dumps({"version": "1.1", "data": articles}))
    return str(path)


def _run(tmp_path, tokenizer, inputs, name="out", **changes):
    settings = {
        "inputs": inputs,
        "uses": dict.fromkeys(inputs, "evaluation"),
        "output_directory": str(tmp_path / name),
        "config": CONFIG,
        "tokenizer": tokenizer,
        "num_shards": 3,
        "max_dead_letter_share": 0.5,
    }
    return pipeline.preprocess(**{**settings, **changes})


def _files(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def _shards(directory, written, split):
    return [list(tfrecords.read_records(str(directory / name))) for name in written.shards[split]]


def test_every_window_of_every_question_is_written_once(tmp_path, tiny_tokenizer):
    articles = [_article(i, context=CONTEXT * (1 + i % 4)) for i in range(12)]
    path = _write(tmp_path / "dev.json", *articles)
    inputs = {"train": [path], "eval": [str(tmp_path / "*.json")]}
    uses = {"train": "training", "eval": "evaluation"}
    written = _run(tmp_path, tiny_tokenizer, inputs, uses=uses)

    assert manifest.read(str(tmp_path / "out")) == written
    assert written.digests == sha256_of_records(tmp_path / "out", written.shards)
    assert written.record_type == "question_answering"
    assert written.parameters["max_seq_length"] == 48
    assert written.vocabulary_sha256 == tiny_tokenizer.vocabulary.sha256
    encoder = records.RecordEncoder()
    for split, use in uses.items():
        maker = Featurizer(tiny_tokenizer, CONFIG, for_training=use == "training")
        expected = [
            encoder.encode(
                window,
                question_id=made.question.id,
                unique_id=records.stable_unique_id(made.question.id, window.span.index),
            )
            for paragraph in squad.read_file(path)
            for made in maker.featurize(paragraph)
            for window in made.windows
        ]
        shards = _shards(tmp_path / "out", written, split)
        assert len(shards) == 3
        found = [record for shard in shards for record in shard]
        assert sorted(found) == sorted(expected)
        assert found != expected
        assert written.counts[f"{split}/records"] == len(expected)
        assert written.counts[f"{split}/questions"] == 36
    # The windows of a question stand together, in their order.
    for shard in _shards(tmp_path / "out", written, "eval"):
        ids = [tf_examples.decode(record)["qas_id"][0] for record in shard]
        assert len(set(ids)) == 1 + sum(a != b for a, b in itertools.pairwise(ids))
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == ["Split-eval", "Split-train", "manifest.json", "spiece.model"]


def test_the_bytes_do_not_depend_on_the_run(tmp_path, tiny_tokenizer):
    paths = [
        _write(tmp_path / f"{i}.json", *(_article(10 * i + k) for k in range(4))) for i in range(3)
    ]
    _run(tmp_path, tiny_tokenizer, {"eval": paths})
    expected = _files(tmp_path / "out")
    arguments = [
        "--runner=FnApiRunner",
        "--direct_num_workers=2",
        "--direct_running_mode=multi_threading",
    ]
    _run(tmp_path, tiny_tokenizer, {"eval": paths[::-1]}, "again", beam_pipeline_args=arguments)
    assert _files(tmp_path / "again") == expected
    _run(tmp_path, tiny_tokenizer, {"eval": paths}, "other", seed=1)
    assert _files(tmp_path / "other") != expected


def test_raw_examples_give_the_same_records(tmp_path, tiny_tokenizer):
    path = _write(tmp_path / "dev.json", *(_article(i) for i in range(5)))
    examples = str(tmp_path / "examples.tfrecord.gz")
    tfrecords.write_records(examples, map(squad_examples.encode, squad.read_file(path)))
    first = _run(tmp_path, tiny_tokenizer, {"eval": [path]})
    second = _run(tmp_path, tiny_tokenizer, {"eval": [examples]}, "b", input_format="examples")
    assert first == second
    assert _files(tmp_path / "out") == _files(tmp_path / "b")


def test_what_cannot_be_used_is_counted_and_kept(tmp_path, tiny_tokenizer):
    bad = _article(0, num_questions=5)
    qas = bad["paragraphs"][0]["qas"]
    qas[0]["answers"][0]["text"] = "the bed"
    del qas[1]["question"]
    qas[2]["id"] = qas[3]["id"]
    path = _write(tmp_path / "train.json", bad, _article(1))
    written = _run(tmp_path, tiny_tokenizer, {"train": [path]}, uses={"train": "training"})
    assert {n: c for n, c in written.counts.items() if n.startswith("train/dead_letters/")} == {
        "train/dead_letters/answer is not in the paragraph": 1,
        "train/dead_letters/missing key": 1,
        "train/dead_letters/duplicate question id": 1,
    }
    assert written.counts["train/answers/lost"] == 1
    assert written.counts["train/questions read"] == 6
    assert written.counts["train/records"] == 5
    letters = [
        json.loads(line)
        for path in sorted((tmp_path / "out" / "dead_letters").iterdir())
        for line in path.read_text().splitlines()
    ]
    assert sorted(letter["position"] for letter in letters) == [
        "article 'Article 0', paragraph 0, question a0-q1",
        "article 'Article 0', paragraph 0, question a0-q3",
        "article 'Article 0', question a0-q0",
    ]
    with pytest.raises(TooManyDeadLettersError, match="3 of 8 questions"):
        _run(
            tmp_path,
            tiny_tokenizer,
            {"train": [path]},
            uses={"train": "training"},
            max_dead_letter_share=0.1,
        )
    # Without a manifest nobody takes the rest for records.
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_ids_must_be_unique_across_files(tmp_path, tiny_tokenizer):
    paths = [_write(tmp_path / f"{i}.json", _article(7)) for i in range(2)]
    with pytest.raises(
        pipeline.DuplicateQuestionError, match=r"3 question ids .* a7-q0 in .*0\.json"
    ):
        _run(tmp_path, tiny_tokenizer, {"eval": paths})
    # In different splits they may be the same.
    _run(tmp_path, tiny_tokenizer, {"a": paths[:1], "b": paths[1:]})


def test_a_split_without_questions_is_an_error(tmp_path, tiny_tokenizer):
    path = _write(tmp_path / "dev.json", _article(0, num_questions=0))
    with pytest.raises(pipeline.NoRecordsError, match="'eval' gave no record: 0 questions"):
        _run(tmp_path, tiny_tokenizer, {"eval": [path]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": {}}, "same splits, at least one"),
        ({"uses": {"train": "training"}}, "inputs has .'eval'., uses has .'train'."),
        ({"uses": {"eval": "testing"}}, "must be one of training, evaluation; it is 'testing'"),
        ({"input_format": "csv"}, "must be one of squad, examples; it is 'csv'"),
        ({"num_shards": 0}, "num_shards must be at least 1"),
        ({"max_dead_letter_share": 2}, r"must be in \[0, 1\]"),
        ({"inputs": {"eval": []}}, r"inputs\['eval'\] has no file patterns"),
    ],
)
def test_contradictions_are_found_before_beam_starts(tmp_path, tiny_tokenizer, changes, message):
    settings = {
        "inputs": {"eval": [_write(tmp_path / "dev.json")]},
        "uses": {"eval": "evaluation"},
        "output_directory": str(tmp_path / "out"),
        "config": CONFIG,
        "tokenizer": tiny_tokenizer,
    }
    with pytest.raises(PlanError, match=message):
        make_plan(**{**settings, **changes})


def test_the_number_of_shards_grows_with_the_data(tmp_path, tiny_tokenizer):
    def plan(name, megabytes, **changes):
        with (tmp_path / name).open("wb") as file:
            file.truncate(megabytes << 20)
        return make_plan(
            inputs={"train": [str(tmp_path / name)]},
            uses={"train": "training"},
            output_directory=str(tmp_path / "out"),
            config=CONFIG,
            tokenizer=tiny_tokenizer,
            **changes,
        )

    # SQuAD v2.0 has 42 MB.
    assert plan("squad.json", 42).num_shards == 8
    assert plan("large.json", 1024).num_shards == 32
    assert plan("large.json.gz", 1024).num_shards == 96
    assert plan("large.json", 1024, num_shards=3).num_shards == 3


def test_missing_files_are_named(tmp_path, tiny_tokenizer):
    with pytest.raises(
        files.NoSuchFilesError, match="question answering files of the split 'eval'"
    ):
        _run(tmp_path, tiny_tokenizer, {"eval": [str(tmp_path / "none.json")]})
