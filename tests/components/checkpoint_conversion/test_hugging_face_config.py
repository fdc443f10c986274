import dataclasses
import json

import pytest

from components.checkpoint_conversion import hugging_face_config
from components.checkpoint_conversion.errors import WeightsError
from components.checkpoint_conversion.heads import Heads
from components.checkpoint_conversion.tensors import Tensors
from components.checkpoint_conversion.weights import Weights
from components.modeling.config import XLNetConfig

# Of the published cased base model, in the words of the Hugging Face hub (sizes: the paper).
PUBLISHED = {
    "architectures": ["XLNetLMHeadModel"],
    "attn_type": "bi",
    "bi_data": False,
    "bos_token_id": 1,
    "clamp_len": -1,
    "d_head": 64,
    "d_inner": 3072,
    "d_model": 768,
    "dropout": 0.1,
    "end_n_top": 5,
    "eos_token_id": 2,
    "ff_activation": "gelu",
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "mem_len": None,
    "model_type": "xlnet",
    "n_head": 12,
    "n_layer": 12,
    "pad_token_id": 5,
    "reuse_len": None,
    "same_length": False,
    "start_n_top": 5,
    "summary_activation": "tanh",
    "summary_last_dropout": 0.1,
    "summary_type": "last",
    "summary_use_proj": True,
    "untie_r": True,
    "vocab_size": 32000,
}
BASE = XLNetConfig(
    n_token=32000,
    n_layer=12,
    d_model=768,
    n_head=12,
    d_head=64,
    d_inner=3072,
    ff_activation="gelu",
    untie_r=True,
)


def weights(network, heads, labels=()):
    return Weights(
        config=network,
        heads=heads,
        tensors=Tensors({}, lambda name: None, where="here"),
        vocabulary=None,
        vocabulary_sha256=None,
        labels=labels,
        notes=(),
    )


@pytest.fixture
def read(tmp_path):
    def read_fields(fields):
        path = tmp_path / "config.json"
        path.write_text(fields if isinstance(fields, str) else json.dumps(fields))
        return hugging_face_config.read(str(path))

    return read_fields


def test_the_published_configuration_is_read(read):
    config = read(PUBLISHED)
    assert config.network == dataclasses.replace(BASE, ff_activation="gelu_erf")
    assert config.architectures == ("XLNetLMHeadModel",)
    # The published weights were trained with the approximation, whatever this file says.
    assert len(config.notes) == 1
    assert "gelu_erf" in config.notes[0]


def test_sparse_and_old_files_are_read(read):
    fields = {name: PUBLISHED[name] for name in ("d_model", "n_layer", "n_head", "d_inner")}
    assert read(fields | {"n_token": 32000, "ff_activation": "gelu_new"}).network == BASE


def test_settings_of_a_run_are_noted(read):
    config = read(PUBLISHED | {"ff_activation": "relu", "attn_type": "uni", "clamp_len": 400})
    assert config.network.ff_activation == "relu"
    assert ["attn_type" in config.notes[0], "clamp_len" in config.notes[1]] == [True, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "bert"}, "of type 'bert'"),
        ({"d_head": 32}, r"768, which is not n_head · d_head = 12 · 32"),
        ({"n_head": 0}, "n_head"),
        ({"n_layer": "12"}, "n_layer"),
        ({"ff_activation": "silu"}, "'silu'"),
        ({"layer_norm_eps": 1e-5}, "layer_norm_eps"),
        ({"untie_r": None}, "untie_r"),
        ({"vocab_size": 1.5}, "n_token"),
        ({"n_layer": 10**6}, "n_layer must be at most"),
        ({"d_inner": 10**400}, "d_inner must be at most"),
        ({"ff_activation": ["gelu"]}, "ff_activation"),
        ({"problem_type": {"a": False}}, "problem_type"),
        ({"architectures": 3}, "architectures"),
    ],
)
def test_what_is_not_xlnet_is_named(read, change, message):
    with pytest.raises(WeightsError, match=message):
        read(PUBLISHED | change)


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", "[" * 100_000])
def test_damaged_files_are_named(read, text):
    with pytest.raises(WeightsError, match=r"config\.json"):
        read(text)


def test_missing_sizes_are_named(read):
    with pytest.raises(WeightsError, match="lacks d_inner"):
        read({name: value for name, value in PUBLISHED.items() if name != "d_inner"})


@pytest.mark.parametrize(
    "change",
    [{"summary_type": "attn"}, {"summary_type": {}}, {"summary_activation": None}],
)
def test_heads_that_compute_something_else_are_refused(read, change):
    hugging_face_config.check_sequence_head(read(PUBLISHED), "config.json")
    with pytest.raises(WeightsError):
        hugging_face_config.check_sequence_head(read(PUBLISHED | change), "config.json")


def test_what_is_written_is_what_the_published_file_says(tmp_path):
    path = tmp_path / "config.json"
    network = dataclasses.replace(BASE, ff_activation="gelu_erf")
    hugging_face_config.write(str(path), weights(network, Heads(language_model=True)))
    written = json.loads(path.read_text())
    assert written == PUBLISHED | {"tie_word_embeddings": True}


def test_settings_of_a_run_are_passed_on(read, tmp_path):
    """From Hugging Face to Hugging Face, also where they are not the usual ones."""
    changed = {
        "attn_type": "uni",
        "clamp_len": 400,
        "same_length": True,
        "mem_len": 384,
        "reuse_len": 256,
        "dropout": 0.0,
        "summary_last_dropout": 0.2,
        "start_n_top": 3,
        "end_n_top": 4,
    }
    config = read(PUBLISHED | changed)
    made = dataclasses.replace(
        weights(config.network, Heads(language_model=True)),
        of_a_run=hugging_face_config.of_a_run(config),
    )
    hugging_face_config.write(str(tmp_path / "out.json"), made)
    written = json.loads((tmp_path / "out.json").read_text())
    assert written == PUBLISHED | changed | {"tie_word_embeddings": True}


@pytest.mark.parametrize(
    ("theirs", "ours", "written"),
    [
        # transformers/activations.py: "gelu" is x Φ(x), the others name its tanh approximation.
        ("gelu", "gelu_erf", "gelu"),
        ("gelu_python", "gelu_erf", "gelu"),
        ("gelu_new", "gelu", "gelu_new"),
        ("gelu_pytorch_tanh", "gelu", "gelu_new"),
        ("relu", "relu", "relu"),
    ],
)
def test_activations_are_what_the_folder_says(read, tmp_path, theirs, ours, written):
    network = read(PUBLISHED | {"ff_activation": theirs}).network
    assert network.ff_activation == ours
    hugging_face_config.write(str(tmp_path / "config.json"), weights(network, Heads()))
    fields = json.loads((tmp_path / "config.json").read_text())
    assert fields["ff_activation"] == written


def test_a_file_that_names_no_activation_means_what_transformers_takes_for_it(read):
    fields = {name: value for name, value in PUBLISHED.items() if name != "ff_activation"}
    assert read(fields).network.ff_activation == "gelu_erf"


@pytest.mark.parametrize("summary_type", ["last", "first", "mean"])
def test_summaries_are_kept(read, tmp_path, summary_type):
    config = read(PUBLISHED | {"summary_type": summary_type})
    hugging_face_config.check_sequence_head(config, "config.json")
    assert config.network.summary_type == summary_type
    heads = Heads(sequence="classification_x", num_outputs=2)
    hugging_face_config.write(str(tmp_path / "config.json"), weights(config.network, heads))
    fields = json.loads((tmp_path / "config.json").read_text())
    assert fields["summary_type"] == summary_type


def test_labels_are_kept_where_they_name_the_outputs(read, tmp_path):
    heads = Heads(sequence="classification_x", num_outputs=2)
    named = {"id2label": {"1": "no", "0": "yes"}}
    assert hugging_face_config.labels(read(PUBLISHED | named), heads) == (("yes", "no"), [])
    unnamed = {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}
    assert hugging_face_config.labels(read(PUBLISHED | unnamed), heads) == ((), [])
    for wrong in ({"0": "yes"}, {"0": "yes", "1": "yes"}, {"0": 1, "1": 2}, ["yes", "no"]):
        found, notes = hugging_face_config.labels(read(PUBLISHED | {"id2label": wrong}), heads)
        assert found == ()
        assert "2 outputs" in notes[0]
    hugging_face_config.write(str(tmp_path / "config.json"), weights(BASE, heads, ("yes", "no")))
    fields = json.loads((tmp_path / "config.json").read_text())
    assert fields["id2label"] == {"0": "yes", "1": "no"}
    assert fields["label2id"] == {"yes": 0, "no": 1}


def test_a_width_that_transformers_does_not_have_is_refused():
    with pytest.raises(WeightsError, match="d_model = n_head · d_head"):
        hugging_face_config.check_writable(dataclasses.replace(BASE, d_head=32))
