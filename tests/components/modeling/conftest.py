"""Golden weights and tiny configurations."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from components.checkpoint_conversion import names
from components.modeling.config import XLNetConfig


@pytest.fixture
def tiny_config() -> XLNetConfig:
    return XLNetConfig(
        n_token=40,
        n_layer=2,
        d_model=16,
        n_head=2,
        d_head=8,
        d_inner=24,
        ff_activation="gelu",
        untie_r=True,
    )


class GoldenModels:
    """Reads golden models; a class, because test folders import nothing from each other."""

    @staticmethod
    def assign(model: tf.Module, values: dict[str, np.ndarray]) -> None:
        """Sets every variable of a model by its name; all must be there."""
        for variable in model.variables:
            variable.assign(values[variable.name.removesuffix(":0")])

    @staticmethod
    def load_case(path: pathlib.Path, dtype: type = np.float32) -> tuple[dict, dict, dict]:
        """(meta, inputs, outputs) of a golden case; Hugging Face outputs in the given precision."""
        archive = np.load(path, allow_pickle=False)
        prefix = "out64_" if dtype == np.float64 else "out32_"
        inputs, outputs = {}, {}
        for key in archive.files:
            if key.startswith("in_"):
                inputs[key.removeprefix("in_")] = archive[key]
            elif key.startswith((prefix, "out_")):
                outputs[key.removeprefix(prefix).removeprefix("out_")] = archive[key]
            elif key.startswith("grad_"):
                outputs[key] = archive[key]
        return json.loads(str(archive["meta"])), inputs, outputs

    @staticmethod
    def hugging_face_config(folder: pathlib.Path) -> XLNetConfig:
        fields = json.loads((folder / "config.json").read_text())
        return XLNetConfig(
            n_token=fields["vocab_size"],
            n_layer=fields["n_layer"],
            d_model=fields["d_model"],
            n_head=fields["n_head"],
            d_head=fields["d_model"] // fields["n_head"],
            d_inner=fields["d_inner"],
            ff_activation={"gelu_new": "gelu", "relu": "relu"}[fields["ff_activation"]],
            untie_r=fields["untie_r"],
        )

    @staticmethod
    def hugging_face_values(
        folder: pathlib.Path, entries: list[names.Entry]
    ) -> dict[str, np.ndarray]:
        """Golden Hugging Face weights under published names."""
        archive = np.load(folder / "weights.npz", allow_pickle=False)
        # A head's tensors carry its class in front: "XLNetLMHeadModel/lm_loss.bias".
        tensors = {key.rsplit("/", 1)[-1]: archive[key] for key in archive.files}
        values = {}
        for entry in entries:
            arrays = [tensors[name] for name in entry.hugging_face]
            if entry.layout is names.Layout.STACKED:
                values[entry.published] = np.stack(arrays)
            elif entry.layout is names.Layout.TRANSPOSED:
                values[entry.published] = arrays[0].T
            else:
                values[entry.published] = arrays[0]
        return values


@pytest.fixture(scope="session")
def golden_models() -> type[GoldenModels]:
    return GoldenModels
