"""SentencePieceGen as TFX runs it."""

import pytest
from tfx.types import channel_utils, standard_artifacts

from components import artifacts, tf_examples, tfrecords
from components.tokenization import component, executor, train_sentencepiece, vocabulary
from tests.components.tokenization.conftest import SMALL_CORPUS, SMALL_SIZE

TRAINING = {
    "vocabulary_size": SMALL_SIZE,
    "uncased": 0,
    "max_sentences": 1000,
    "seed": 0,
    "text_features": '["text_a", "text_b"]',
}


@pytest.fixture
def examples(tmp_path):
    """The small corpus, half of it as second texts; another split holds what must not be read."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "examples")
    artifact.split_names = '["train", "eval"]'
    texts = [text.encode() for text in SMALL_CORPUS * 5]
    train = [
        tf_examples.encode({"text_a": [a], "text_b": [b]} if b else {"text_a": [a]})
        for a, b in zip(texts[::2], [*texts[1::2]], strict=True)
    ]
    for split, records in (
        ("train", train),
        ("eval", [tf_examples.encode({"text_a": ["ÄÖÜ".encode()]})]),
    ):
        tfrecords.write_records(f"{artifact.uri}/Split-{split}/data-00000-of-00001.gz", records)
    return artifact


def _run(tmp_path, input_dict, exec_properties):
    model = artifacts.SentencePieceModel()
    model.uri = str(tmp_path / "model")
    executor.Executor().Do(input_dict, {"model": [model]}, exec_properties)
    return model, vocabulary.load(artifacts.sentencepiece_model_path(model.uri))


def test_imports_a_model(tmp_path, small_vocabulary):
    path = tmp_path / "given.model"
    path.write_bytes(small_vocabulary.model)
    model, loaded = _run(tmp_path, {}, {"model_path": str(path), **TRAINING})
    assert loaded.model == small_vocabulary.model
    assert model.get_string_custom_property("sha256") == small_vocabulary.sha256
    assert model.get_int_custom_property("vocabulary_size") == SMALL_SIZE


def test_trains_on_both_texts_of_the_training_split(tmp_path, examples, small_vocabulary):
    model, loaded = _run(tmp_path, {"examples": [examples]}, TRAINING)
    assert loaded.model == small_vocabulary.model
    assert model.get_int_custom_property("vocabulary_size") == SMALL_SIZE


def test_trains_on_lists_of_texts_under_other_names(tmp_path, examples, small_vocabulary):
    texts = [text.encode() for text in SMALL_CORPUS * 5]
    record = tf_examples.encode({"context": texts[:1], "question": texts[1:], "id": [b"\xc3\x84"]})
    path = f"{examples.uri}/Split-train/data-00000-of-00001.gz"
    tfrecords.write_records(path, [record])
    settings = {**TRAINING, "text_features": '["context", "question"]'}
    _, loaded = _run(tmp_path, {"examples": [examples]}, settings)
    assert loaded.model == small_vocabulary.model


def test_accents_are_kept_where_that_is_asked_for(tmp_path, examples):
    record = tf_examples.encode({"text_a": ["schön schon größer".encode()] * 20})
    tfrecords.write_records(f"{examples.uri}/Split-train/data-00000-of-00001.gz", [record])
    settings = {**TRAINING, "vocabulary_size": 31}
    for keep_accents in (0, 1):
        given = {**settings, "keep_accents": keep_accents}
        _, loaded = _run(tmp_path / str(keep_accents), {"examples": [examples]}, given)
        processor = loaded.make_processor()
        pieces = "".join(processor.IdToPiece(i) for i in range(loaded.size))
        assert ("ö" in pieces) == bool(keep_accents)


def test_nothing_is_written_where_the_model_is_wrong(tmp_path):
    path = tmp_path / "given.model"
    path.write_bytes(b"not found")
    with pytest.raises(vocabulary.VocabularyError, match="not a SentencePiece model"):
        _run(tmp_path, {}, {"model_path": str(path), **TRAINING})
    assert not (tmp_path / "model").exists()


def test_component_takes_one_way_or_the_other(examples):
    channel = channel_utils.as_channel([examples])
    trains = component.SentencePieceGen(examples=channel, vocabulary_size=100)
    assert trains.exec_properties == {
        "model_path": None,
        "vocabulary_size": 100,
        "uncased": 0,
        "max_sentences": train_sentencepiece.PUBLISHED_MAX_SENTENCES,
        "seed": 0,
        "text_features": '["text_a", "text_b"]',
    }
    imports = component.SentencePieceGen(model_path="gs://bucket/spiece.model")
    assert imports.exec_properties["model_path"] == "gs://bucket/spiece.model"
    assert imports.outputs["model"].type is artifacts.SentencePieceModel
    for wrong in (
        {},
        {"examples": channel},
        {"vocabulary_size": 100},
        {"model_path": "a", "examples": channel, "vocabulary_size": 100},
        {"model_path": "a", "vocabulary_size": 100},
    ):
        with pytest.raises(ValueError, match="either model_path"):
            component.SentencePieceGen(**wrong)
