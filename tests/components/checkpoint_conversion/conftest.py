"""Tiny models with random weights, and folders of them."""

import json
import pathlib

import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

from components.checkpoint_conversion import named_checkpoint
from components.modeling.classification import (
    ClassificationModel,
    MultipleChoiceModel,
    RegressionModel,
)
from components.modeling.config import ModelOptions, XLNetConfig
from components.modeling.encoder import XLNetEncoder
from components.modeling.pretraining import PretrainingModel
from components.modeling.question_answering import QuestionAnsweringModel
from components.tokenization import train_sentencepiece
from components.tokenization import vocabulary as vocabulary_lib

OPTIONS = ModelOptions(dropout=0.0, dropout_att=0.0)
MODELS = {
    "encoder": lambda config: XLNetEncoder(config, OPTIONS),
    "tied": lambda config: PretrainingModel(config, OPTIONS),
    "untied": lambda config: PretrainingModel(config, OPTIONS, tie_weight=False),
    "classification": lambda config: ClassificationModel(config, OPTIONS, 3, task_name="mnli"),
    "regression": lambda config: RegressionModel(config, OPTIONS, task_name="sts-b"),
    "multiple_choice": lambda config: MultipleChoiceModel(config, OPTIONS),
    "question_answering": lambda config: QuestionAnsweringModel(
        config, OPTIONS, start_n_top=5, end_n_top=5
    ),
}


class TinyModels:
    """Makes models and folders; a class, because test folders import nothing from each other."""

    NAMES = tuple(MODELS)

    @staticmethod
    def config(
        *,
        untie_r: bool = True,
        ff_activation: str = "gelu",
        summary_type: str = "last",
        n_token: int = 40,
    ) -> XLNetConfig:
        return XLNetConfig(
            n_token=n_token,
            n_layer=2,
            d_model=16,
            n_head=2,
            d_head=8,
            d_inner=24,
            ff_activation=ff_activation,
            untie_r=untie_r,
            summary_type=summary_type,
        )

    @staticmethod
    def build(name: str, config: XLNetConfig, *, seed: int = 0) -> tf.Module:
        """A model whose variables are far from their small initial values."""
        model = MODELS[name](config)
        rng = np.random.default_rng(seed)
        for variable in model.variables:
            variable.assign(rng.normal(0, 0.3, variable.shape).astype(np.float32))
        return model

    @staticmethod
    def write(folder: pathlib.Path, model: tf.Module, config: XLNetConfig) -> None:
        """A folder as training leaves it."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = named_checkpoint.variables_by_name(model.variables)
        named_checkpoint.write_arrays(str(folder), arrays)
        config.write(str(folder / "xlnet_config.json"))

    @staticmethod
    def write_golden_hugging_face(
        folder: pathlib.Path, golden: pathlib.Path, head: str | None, **config_changes
    ) -> None:
        """A Hugging Face folder of golden weights, written by the safetensors package."""
        folder.mkdir(parents=True, exist_ok=True)
        archive = np.load(golden / "weights.npz", allow_pickle=False)
        arrays = {
            name.rpartition("/")[2]: archive[name]
            for name in archive.files
            if "/" not in name or name.startswith(f"{head}/")
        }
        safetensors.numpy.save_file(arrays, folder / "model.safetensors")
        config = json.loads((golden / "config.json").read_text()) | config_changes
        (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture(scope="session")
def vocabulary() -> vocabulary_lib.Vocabulary:
    """As many pieces as tiny models have embeddings."""
    texts = ["the cat that sat on the hat has seen a tee", "to see the sea is not as neat"]
    texts = [*texts, "these ants eat the oats on that stone"] * 20
    return train_sentencepiece.train(texts, vocabulary_size=40)


@pytest.fixture(scope="session")
def tiny_models() -> type[TinyModels]:
    return TinyModels
