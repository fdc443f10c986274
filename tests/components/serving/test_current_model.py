"""Versions that are damaged, and the ones after them."""

import logging
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text as tf_text

from components import files
from components.export import warm_up
from components.serving import current_model
from components.serving.current_model import CurrentModel
from components.serving.pushed_model import ModelError, PushedModel
from components.tokenization import model_check, train_sentencepiece
from tests.components.tokenization.conftest import SMALL_CORPUS, SMALL_SIZE

VARIABLES = "variables/variables.data-00000-of-00001"
INDEX = "variables/variables.index"
GRAPH = "saved_model.pb"
WARM_UP = "assets.extra/tf_serving_warmup_requests"


class Scaled(tf.Module):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(tf.range(1000, dtype=tf.float32))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text_a")])
    def serve(self, text_a):
        return {"y": tf.cast(tf.strings.length(text_a), tf.float32) * self.scale[2]}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "1"
    module = Scaled()
    tf.saved_model.save(module, str(path), signatures=module.serve)
    warm_up.write(str(path), "serving_default", [{"text_a": ["x"]}])
    return path


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(current_model, "_PAUSE_FACTOR", 0)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


def make_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = [
    (damage, name)
    for name in (VARIABLES, INDEX, GRAPH)
    for damage in (cut, flip, empty, remove, make_folder)
    # Without its graph it is not there; not every bit of a graph makes a difference.
    if (damage, name) not in ((remove, GRAPH), (flip, GRAPH))
] + [(cut, WARM_UP), (flip, WARM_UP), (make_folder, WARM_UP)]


@pytest.mark.parametrize(("damage", "name"), DAMAGES)
def test_a_damaged_version_is_said_once_and_a_good_one_taken_up(
    exported, tmp_path, caplog, damage, name
):
    caplog.set_level(logging.INFO)
    shutil.copytree(exported, tmp_path / "1")
    current = CurrentModel(str(tmp_path))
    shutil.copytree(exported, tmp_path / "2")
    damage(tmp_path / "2" / name)
    for _ in range(3):
        current.look()
    assert current.model.version == 1
    (line,) = caplog.records
    assert line.message.startswith("version 2 is not served: ")
    # The same number, whole.
    shutil.rmtree(tmp_path / "2")
    shutil.copytree(exported, tmp_path / "2")
    current.look()
    assert current.model.version == 2
    found = current.model.run("serving_default", {"text_a": np.array([b"abc"], object)})
    assert found["y"].tolist() == [6.0]


def test_a_good_version_below_a_damaged_one_is_taken_up(exported, tmp_path):
    for version in "123":
        shutil.copytree(exported, tmp_path / version)
    flip(tmp_path / "3" / VARIABLES)
    current = CurrentModel(str(tmp_path))
    assert current.model.version == 2
    shutil.copytree(exported, tmp_path / "4")
    current.look()
    assert current.model.version == 4


def test_nothing_that_loads_is_an_error_that_names_the_folder(exported, tmp_path):
    shutil.copytree(exported, tmp_path / "7")
    flip(tmp_path / "7" / VARIABLES)
    with pytest.raises(ModelError, match=r"/7 cannot be loaded: .*copy it again"):
        CurrentModel(str(tmp_path))


def test_a_folder_that_cannot_be_listed_is_said_once(exported, tmp_path, caplog, monkeypatch):
    shutil.copytree(exported, tmp_path / "1")
    current = CurrentModel(str(tmp_path))
    caplog.set_level(logging.INFO)

    def fail(_):
        raise tf.errors.PermissionDeniedError(None, None, "not today")

    with monkeypatch.context() as patch:
        patch.setattr(files, "names", fail)
        current.look()
        current.look()
    assert [record.message for record in caplog.records] == [
        "looking for a newer version failed: not today"
    ]
    shutil.copytree(exported, tmp_path / "2")
    current.look()
    assert current.model.version == 2


def test_a_version_that_fails_is_left_alone_for_a_while(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(current_model, "_PAUSE_FACTOR", 1e6)
    shutil.copytree(exported, tmp_path / "1")
    current = CurrentModel(str(tmp_path))
    shutil.copytree(exported, tmp_path / "2")
    flip(tmp_path / "2" / VARIABLES)
    attempts = []
    load = PushedModel.__init__

    def counted(self, path, version):
        attempts.append(version)
        load(self, path, version)

    monkeypatch.setattr(PushedModel, "__init__", counted)
    current.look()
    current.look()
    assert attempts == [2]


def test_a_damaged_sentencepiece_model_in_a_graph_is_refused(tmp_path):
    vocabulary = train_sentencepiece.train(SMALL_CORPUS * 5, vocabulary_size=SMALL_SIZE)

    class Pieces(tf.Module):
        def __init__(self):
            super().__init__()
            self.tokenizer = tf_text.SentencepieceTokenizer(vocabulary.model)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text_a")])
        def serve(self, text_a):
            return {"y": self.tokenizer.tokenize(text_a).row_lengths()}

    module = Pieces()
    tf.saved_model.save(module, str(tmp_path / "1"), signatures=module.serve)
    assert PushedModel(str(tmp_path / "1"), 1).signatures
    path = tmp_path / "1" / GRAPH
    # Every unit of the trie of the normalisation rules leads to its end and beyond; with TensorFlow
    # Text alone this ends the process.
    content = path.read_bytes()
    rules = vocabulary.model.find(b"nmt_nfkc") + len("nmt_nfkc") + 8
    part = vocabulary.model[rules : rules + 50_000]
    assert part in content
    path.write_bytes(content.replace(part, b"\xff" * len(part)))
    with pytest.raises(ModelError, match=r"SentencePiece model in saved_model.pb is damaged") as e:
        PushedModel(str(tmp_path / "1"), 1)
    assert isinstance(e.value.__cause__.__cause__, model_check.ModelError)
