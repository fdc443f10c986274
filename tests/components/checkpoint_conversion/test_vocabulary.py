"""The vocabulary beside weights: copied if it is one, compared with them, its digest kept."""

import io
import json

import numpy as np
import pytest
import sentencepiece

from components.checkpoint_conversion import description, named_checkpoint
from components.checkpoint_conversion.convert import TargetExistsError, convert
from components.checkpoint_conversion.description import Description
from components.checkpoint_conversion.errors import WeightsError
from components.modeling.config import XLNetConfig
from components.tokenization.vocabulary import VocabularyError
from pipeline import cli

ADDED = 5


@pytest.fixture
def resized(tiny_models, vocabulary, tmp_path):
    """A folder whose embeddings have rows that no piece of its vocabulary has."""
    config = tiny_models.config(n_token=vocabulary.size + ADDED)
    tiny_models.write(tmp_path / "ours", tiny_models.build("untied", config), config)
    (tmp_path / "ours" / "spiece.model").write_bytes(vocabulary.model)
    return tmp_path / "ours"


def test_added_tokens_are_said_and_kept(resized, tmp_path):
    conversion = convert(str(resized), str(tmp_path / "hf"), target_format="hf")
    assert any("5 of 45 embeddings" in n and "--fit-vocabulary" in n for n in conversion.notes)
    assert json.loads((tmp_path / "hf" / "config.json").read_text())["vocab_size"] == 45


@pytest.mark.parametrize("target_format", ["xlnet", "hf"])
def test_added_tokens_are_left_out_if_asked_for(resized, tmp_path, target_format):
    source, target = str(resized), str(tmp_path / "cut")
    cut = convert(source, target, target_format=target_format, fit_vocabulary=True)
    assert any("left out" in note for note in cut.notes)
    back = target
    if target_format == "hf":
        back = str(tmp_path / "back")
        convert(target, back, target_format="xlnet")
    assert XLNetConfig.read(f"{back}/xlnet_config.json").n_token == 40
    before, after = named_checkpoint.read_arrays(source), named_checkpoint.read_arrays(back)
    assert before.keys() == after.keys()
    rows = {"word_embedding/lookup_table", "lm_loss/bias", "lm_loss/weight"}
    for name, array in before.items():
        kept = array[:-ADDED] if any(name.endswith(row) for row in rows) else array
        np.testing.assert_array_equal(after[name], kept, err_msg=name)
    # Nothing is left to cut.
    again = convert(back, str(tmp_path / "2"), target_format="xlnet", fit_vocabulary=True)
    assert not any("embeddings" in note for note in again.notes)


def test_a_training_that_refuses_added_tokens_says_what_to_do(resized, tiny_models):
    model = tiny_models.build("untied", tiny_models.config())
    with pytest.raises(WeightsError, match=r"5 embeddings more than the model.*--fit-vocabulary"):
        named_checkpoint.restore(model.variables, str(resized))


def test_nothing_is_cut_without_a_vocabulary(resized, tmp_path):
    (resized / "spiece.model").unlink()
    with pytest.raises(WeightsError, match=r"no spiece\.model beside"):
        convert(str(resized), str(tmp_path / "2"), target_format="hf", fit_vocabulary=True)


def test_fewer_embeddings_than_pieces_are_refused(tiny_models, vocabulary, tmp_path):
    config = tiny_models.config(n_token=30)
    tiny_models.write(tmp_path / "ours", tiny_models.build("encoder", config), config)
    (tmp_path / "ours" / "spiece.model").write_bytes(vocabulary.model)
    with pytest.raises(WeightsError, match=r"40 pieces, but .* for 30 only"):
        convert(str(tmp_path / "ours"), str(tmp_path / "hf"), target_format="hf")


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\noid sha"])
def test_what_is_no_vocabulary_is_not_copied(resized, tmp_path, content):
    (resized / "spiece.model").write_bytes(content)
    with pytest.raises(VocabularyError, match="Git LFS pointer" if content else "empty"):
        convert(str(resized), str(tmp_path / "hf"), target_format="hf")
    assert not (tmp_path / "hf").exists()


@pytest.fixture
def bare(tiny_models, tmp_path):
    """A folder with the digest of a vocabulary and without the vocabulary."""
    config = tiny_models.config()
    tiny_models.write(tmp_path / "bare", tiny_models.build("classification", config), config)
    description.write(str(tmp_path / "bare"), Description("a" * 64, ("x", "y", "z")))
    return tmp_path / "bare"


def test_the_digest_and_the_labels_come_along(bare, tmp_path):
    there = convert(str(bare), str(tmp_path / "hf"), target_format="hf")
    assert there.labels == ("x", "y", "z")
    assert not there.vocabulary
    fields = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert fields["id2label"] == {"0": "x", "1": "y", "2": "z"}
    convert(str(tmp_path / "hf"), str(tmp_path / "back"), target_format="xlnet")
    assert description.read(str(tmp_path / "back")) == Description("a" * 64, ("x", "y", "z"))


def test_labels_of_a_head_that_is_left_out_do_not_come_along(bare, tmp_path):
    ignore = ["^model/(classification_mnli|sequnece_summary)/"]
    convert(str(bare), str(tmp_path / "out"), target_format="xlnet", ignore=ignore)
    assert description.read(str(tmp_path / "out")) == Description("a" * 64)


def test_a_vocabulary_is_described_by_itself(resized, vocabulary):
    assert description.read(str(resized)) == Description(vocabulary.sha256)
    description.write(str(resized), Description("b" * 64))
    with pytest.raises(WeightsError, match="is not the vocabulary of the weights beside it"):
        description.read(str(resized))


def test_another_vocabulary_in_the_target_is_not_left_there(bare, vocabulary, tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "spiece.model").write_bytes(vocabulary.model)
    options = {"target_format": "xlnet", "overwrite": True}
    with pytest.raises(TargetExistsError, match="is not the vocabulary of these weights"):
        convert(str(bare), str(target), **options)
    assert [file.name for file in target.iterdir()] == ["spiece.model"]
    description.write(str(bare), Description(vocabulary.sha256))
    convert(str(bare), str(target), **options)
    (bare / "xlnet_weights.json").unlink()
    conversion = convert(str(bare), str(target), **options)
    assert any("was there before and stays" in note for note in conversion.notes)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        '{"vocabulary_sha256": 1}',
        '{"vocabulary_sha256": "ABC"}',
        '{"labels": "abc"}',
        '{"labels": [1]}',
    ],
)
def test_damaged_descriptions_are_named(tmp_path, content):
    (tmp_path / "xlnet_weights.json").write_text(content)
    with pytest.raises(WeightsError, match=r"xlnet_weights\.json"):
        description.read(str(tmp_path))


@pytest.mark.parametrize("content", ['{"uncased": 1}', '{"keep_accents": "no"}'])
def test_case_and_accents_are_true_or_false(tmp_path, content):
    (tmp_path / "xlnet_weights.json").write_text(content)
    with pytest.raises(WeightsError, match="neither true nor false"):
        description.read(str(tmp_path))


@pytest.mark.parametrize("uncased", [None, False, True])
@pytest.mark.parametrize("keep_accents", [None, False, True])
def test_case_and_accents_come_along(bare, tmp_path, uncased, keep_accents):
    about = Description(None, (), uncased, keep_accents)
    description.write(str(bare), about)
    there = convert(str(bare), str(tmp_path / "hf"), target_format="hf")
    assert any("strips accents" in note for note in there.notes) is bool(keep_accents)
    # The names and values of transformers' XLNetTokenizer.
    expected = {"do_lower_case": uncased, "keep_accents": keep_accents}
    expected = {name: value for name, value in expected.items() if value is not None}
    path = tmp_path / "hf" / "tokenizer_config.json"
    assert path.exists() is bool(expected)
    if expected:
        fields = json.loads(path.read_text())
        assert {name: fields[name] for name in expected} == expected
        assert fields["tokenizer_class"] == "XLNetTokenizer"
    # A folder of others has no description of ours.
    (tmp_path / "hf" / "xlnet_weights.json").unlink()
    convert(str(tmp_path / "hf"), str(tmp_path / "back"), target_format="xlnet")
    assert description.read(str(tmp_path / "back")) == about


def test_a_damaged_tokenizer_configuration_is_named(bare, tmp_path):
    convert(str(bare), str(tmp_path / "hf"), target_format="hf")
    (tmp_path / "hf" / "tokenizer_config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"tokenizer_config\.json is not readable"):
        convert(str(tmp_path / "hf"), str(tmp_path / "back"), target_format="xlnet")


def test_a_vocabulary_from_elsewhere_is_added_if_it_is_theirs(bare, vocabulary, tmp_path):
    given = tmp_path / "given.model"
    given.write_bytes(vocabulary.model)
    with pytest.raises(WeightsError, match=r"given\.model .* is not the vocabulary of .*a{64}"):
        convert(str(bare), str(tmp_path / "hf"), target_format="hf", vocabulary_path=str(given))
    assert not (tmp_path / "hf").exists()
    description.write(str(bare), Description(vocabulary.sha256))
    options = {"target_format": "hf", "vocabulary_path": str(given)}
    assert convert(str(bare), str(tmp_path / "hf"), **options).vocabulary
    assert (tmp_path / "hf" / "spiece.model").read_bytes() == vocabulary.model
    # Weights that name none take any of the right size, and name it from then on.
    (bare / "xlnet_weights.json").unlink()
    convert(str(bare), str(tmp_path / "2"), **options)
    assert description.read(str(tmp_path / "2")).vocabulary_sha256 == vocabulary.sha256


def test_labels_with_half_a_surrogate_pair_come_along(bare, tmp_path, capsys):
    labels = ("x", "y", "\ud83d")
    description.write(str(bare), Description(None, labels))
    assert description.read(str(bare)).labels == labels
    assert cli.main(["convert", str(bare), str(tmp_path / "hf"), "--to", "hf"]) == 0
    assert r"x, y, \ud83d" in capsys.readouterr().out
    convert(str(tmp_path / "hf"), str(tmp_path / "back"), target_format="xlnet")
    assert description.read(str(tmp_path / "back")).labels == labels


def test_a_multi_label_head_does_not_become_one_of_classes(bare, tmp_path):
    hf, copy = tmp_path / "hf", tmp_path / "copy"
    convert(str(bare), str(hf), target_format="hf")
    fields = json.loads((hf / "config.json").read_text())
    fields["problem_type"] = "multi_label_classification"
    (hf / "config.json").write_text(json.dumps(fields))
    with pytest.raises(WeightsError, match=r"multi_label_classification.*--ignore") as error:
        convert(str(hf), str(tmp_path / "back"), target_format="xlnet")
    assert not (tmp_path / "back").exists()
    ignore = str(error.value).partition("--ignore '")[2].partition("'")[0]
    convert(str(hf), str(tmp_path / "back"), target_format="xlnet", ignore=[ignore])
    convert(str(hf), str(copy), target_format="hf")
    assert json.loads((copy / "config.json").read_text()) == fields


def test_a_vocabulary_that_lacks_special_pieces_is_refused(resized, tmp_path):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(["a b c d e f g"] * 9), model_writer=model, vocab_size=11
    )
    (resized / "spiece.model").write_bytes(model.getvalue())
    with pytest.raises(VocabularyError, match="not one for XLNet"):
        convert(str(resized), str(tmp_path / "hf"), target_format="hf")
