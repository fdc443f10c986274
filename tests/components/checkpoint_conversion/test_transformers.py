"""Against `transformers` itself, in an environment of its own.

`make peer` installs it; XLNET_TRANSFORMERS_PYTHON names another interpreter that has it.
"""

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

from components.checkpoint_conversion import named_checkpoint
from components.checkpoint_conversion.convert import convert
from components.modeling.config import XLNetConfig

PEER = pathlib.Path(__file__).resolve().parents[3] / ".peer/bin/python"
PYTHON = os.environ.get("XLNET_TRANSFORMERS_PYTHON") or str(PEER)

pytestmark = pytest.mark.skipif(
    not os.path.exists(PYTHON), reason="needs transformers in an environment of its own: make peer"
)

# (our model, its class there, what of the network is not as usual)
CASES = {
    "encoder": ("encoder", "XLNetModel", {}),
    "encoder_erf": ("encoder", "XLNetModel", {"ff_activation": "gelu_erf"}),
    "encoder_tied_biases": ("encoder", "XLNetModel", {"untie_r": False, "ff_activation": "relu"}),
    "tied": ("tied", "XLNetLMHeadModel", {}),
    "tied_erf": ("tied", "XLNetLMHeadModel", {"ff_activation": "gelu_erf"}),
    "untied": ("untied", "XLNetLMHeadModel", {}),
    "classification": ("classification", "XLNetForSequenceClassification", {}),
    "classification_first": (
        "classification",
        "XLNetForSequenceClassification",
        {"summary_type": "first"},
    ),
    "classification_mean_erf": (
        "classification",
        "XLNetForSequenceClassification",
        {"summary_type": "mean", "ff_activation": "gelu_erf"},
    ),
    "regression": ("regression", "XLNetForSequenceClassification", {"untie_r": False}),
    "regression_mean": ("regression", "XLNetForSequenceClassification", {"summary_type": "mean"}),
    "multiple_choice": ("multiple_choice", "XLNetForMultipleChoice", {}),
    "multiple_choice_first": (
        "multiple_choice",
        "XLNetForMultipleChoice",
        {"summary_type": "first"},
    ),
    "question_answering": ("question_answering", "XLNetForQuestionAnswering", {}),
    "question_answering_erf": (
        "question_answering",
        "XLNetForQuestionAnswering",
        {"ff_activation": "gelu_erf"},
    ),
}
BATCH, LENGTH, PREDICTIONS = 3, 13, 4


def make_inputs(name: str) -> dict[str, np.ndarray]:
    """In the names of `transformers`."""
    rng = np.random.default_rng(0)
    padding = np.zeros((BATCH, LENGTH), np.float32)
    padding[1, :3] = 1
    inputs = {
        "input_ids": rng.integers(0, 40, (BATCH, LENGTH)),
        "token_type_ids": rng.integers(0, 3, (BATCH, LENGTH)),
        "input_mask": padding,
    }
    if name in ("tied", "untied"):
        mapping = np.zeros((BATCH, PREDICTIONS, LENGTH), np.float32)
        for row in mapping:
            row[np.arange(PREDICTIONS), rng.choice(LENGTH, PREDICTIONS, replace=False)] = 1
        inputs["target_mapping"] = mapping
        inputs["perm_mask"] = rng.integers(0, 2, (BATCH, LENGTH, LENGTH)).astype(np.float32)
    if name == "multiple_choice":
        # A row of three options.
        inputs = {key: value[None] for key, value in inputs.items()}
    if name == "question_answering":
        inputs["p_mask"] = padding
        inputs["cls_index"] = np.full(BATCH, LENGTH - 1)
    return inputs


def our_outputs(name: str, model, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """In the names of `transformers`."""
    if name == "encoder":
        output = model(
            inputs["input_ids"],
            segment_ids=inputs["token_type_ids"],
            input_mask=inputs["input_mask"],
        )
        return {"last_hidden_state": output.hidden.numpy()}
    features = inputs | {
        "input_k": inputs["input_ids"],
        "seg_id": inputs["token_type_ids"],
        "segment_ids": inputs["token_type_ids"],
    }
    outputs = model(features)
    if name in ("tied", "untied"):
        return {"logits": outputs["logits"].numpy()}
    if name in ("classification", "multiple_choice"):
        return {"logits": outputs.numpy()}
    if name == "regression":
        return {"logits": outputs.numpy()[:, None]}
    # Of each start, the best ends; there they are laid out end after end, as probabilities.
    ends = np.exp(outputs["end_top_log_probs"].numpy()).reshape(-1, 5, 5)
    return {
        "start_top_log_probs": np.exp(outputs["start_top_log_probs"].numpy()),
        "start_top_index": outputs["start_top_index"].numpy(),
        "end_top_log_probs": ends.transpose(0, 2, 1).reshape(-1, 25),
        "cls_logits": outputs["cls_logits"].numpy(),
    }


@pytest.fixture(scope="module")
def peer(tiny_models, tmp_path_factory) -> pathlib.Path:
    """A folder per case with `ours`, `hf`, `theirs.npz` and what PyTorch saved."""
    root = tmp_path_factory.mktemp("peer")
    jobs = []
    for number, (case, (name, model_class, network)) in enumerate(CASES.items()):
        folder = root / case
        config = tiny_models.config(**network)
        tiny_models.write(folder / "ours", tiny_models.build(name, config), config)
        convert(str(folder / "ours"), str(folder / "hf"), target_format="hf")
        np.savez(folder / "inputs.npz", **make_inputs(name))
        paths = {
            "folder": "hf",
            "inputs": "inputs.npz",
            "outputs": "theirs.npz",
            "saved": "saved",
            "sharded": "sharded",
        }
        jobs.append(
            {key: str(folder / path) for key, path in paths.items()}
            | {"model_class": model_class, "legacy": number % 2 == 1}
        )
    (root / "jobs.json").write_text(json.dumps(jobs))
    script = pathlib.Path(__file__).parent / "transformers_peer.py"
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    result = subprocess.run(
        [PYTHON, str(script), str(root / "jobs.json")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return root


@pytest.mark.parametrize("case", CASES)
def test_transformers_computes_the_same_from_the_exported_folder(peer, tiny_models, case):
    name, _, network = CASES[case]
    config = tiny_models.config(**network)
    model = tiny_models.build(name, config)
    ours = our_outputs(name, model, make_inputs(name))
    theirs = np.load(peer / case / "theirs.npz")
    for key, array in ours.items():
        assert array.shape == theirs[key].shape
        np.testing.assert_allclose(array, theirs[key], rtol=0, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("saved", ["saved", "sharded"])
@pytest.mark.parametrize("case", CASES)
def test_what_transformers_saved_is_read_to_the_bit(peer, tmp_path, case, saved):
    if saved == "sharded":
        assert len(list((peer / case / saved).glob("model-*-of-*.safetensors"))) > 1
    convert(str(peer / case / saved), str(tmp_path / "back"), target_format="xlnet")
    ours, back = (
        XLNetConfig.read(str(folder / "xlnet_config.json"))
        for folder in (peer / case / "ours", tmp_path / "back")
    )
    assert back == ours
    before = named_checkpoint.read_arrays(str(peer / case / "ours"))
    after = named_checkpoint.read_arrays(str(tmp_path / "back"))
    assert set(before) == set(after)
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)
