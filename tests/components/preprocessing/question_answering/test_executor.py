"""The component as TFX runs it: from raw Examples on disk to records and their manifest."""

import json

import pytest
from tfx.types import channel_utils, standard_artifacts

from components import artifacts, files, manifest, tf_examples, tfrecords
from components.example_gen.question_answering import squad_examples
from components.example_gen.question_answering.squad import Answer, Paragraph, Question
from components.preprocessing.question_answering import component, executor, paragraph_files
from components.preprocessing.question_answering.config import WindowConfig

CONTEXT = "The cat sat on the mat, and the dog lay on the rug."


def paragraph(number, answer="cat"):
    question = Question(f"q{number}", "Who lay?", (Answer(answer, CONTEXT.index(answer)),), False)
    return Paragraph(CONTEXT, (question,), "a", "f.json", number)


@pytest.fixture
def inputs(tmp_path, tiny_tokenizer):
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    examples.split_names = json.dumps(["train", "eval"])
    for split, paragraphs in (("train", [paragraph(1), paragraph(2)]), ("eval", [paragraph(3)])):
        path = f"{examples.uri}/Split-{split}/data_tfrecord-00000-of-00001.gz"
        tfrecords.write_records(path, map(squad_examples.encode, paragraphs))
    model = artifacts.SentencePieceModel()
    model.uri = str(tmp_path / "vocabulary")
    files.write_bytes(
        artifacts.sentencepiece_model_path(model.uri), tiny_tokenizer.vocabulary.model
    )
    return {"examples": [examples], "sentencepiece_model": [model]}


def run(inputs, tmp_path, local_beam):
    made = component.QuestionAnsweringPreprocessor(
        examples=channel_utils.as_channel(inputs["examples"]),
        sentencepiece_model=channel_utils.as_channel(inputs["sentencepiece_model"]),
        windows=WindowConfig(max_seq_length=64, doc_stride=16, max_query_length=8),
        uncased=False,
        num_shards=1,
        max_dead_letter_share=0.0,
    )
    records = standard_artifacts.Examples()
    records.uri = str(tmp_path / "records")
    executor.Executor(local_beam).Do(inputs, {"records": [records]}, dict(made.exec_properties))
    return records


def test_records_for_training_and_for_evaluation(inputs, tmp_path, tiny_tokenizer, local_beam):
    records = run(inputs, tmp_path, local_beam)
    assert set(json.loads(records.split_names)) == {"train", "eval"}
    made = manifest.read(records.uri)
    assert made.record_type == "question_answering"
    assert made.parameters["vocabulary_size"] == tiny_tokenizer.vocabulary.size
    assert made.parameters["uses"] == {"train": "training", "eval": "evaluation"}
    (train,) = made.shards["train"]
    (evaluation,) = made.shards["eval"]
    trained = [tf_examples.decode(r) for r in tfrecords.read_records(f"{records.uri}/{train}")]
    assert len(trained) == 2
    pieces = [tiny_tokenizer.id_to_piece(i) for i in trained[0]["input_ids"]]
    begin, end = trained[0]["start_positions"][0], trained[0]["end_positions"][0]
    assert "".join(pieces[begin : end + 1]) == "▁cat"
    (record,) = tfrecords.read_records(f"{records.uri}/{evaluation}")
    assert tf_examples.decode(record)["qas_id"] == [b"q3"]


def test_the_paragraphs_of_the_evaluation_lie_beside_the_records(inputs, tmp_path, local_beam):
    records = run(inputs, tmp_path, local_beam)
    (path,) = files.expand(paragraph_files.pattern(records.uri, "eval"))
    assert [squad_examples.decode(r) for r in tfrecords.read_records(path)] == [paragraph(3)]
    with pytest.raises(files.NoSuchFilesError):
        files.expand(paragraph_files.pattern(records.uri, "train"))


def test_a_missing_split_is_named(inputs, tmp_path, local_beam):
    inputs["examples"][0].split_names = json.dumps(["train"])
    with pytest.raises(ValueError, match="but eval is needed"):
        run(inputs, tmp_path, local_beam)
