"""What stands beside an exported model about the texts that it was trained on."""

import dataclasses

import numpy as np
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import v1 as tfx

from components import configuration, manifest
from components.export.input_columns import InputColumns
from components.preprocessing.classification import preprocessing, transform_graph
from components.serving.pushed_model import PushedModel
from components.serving.reach import Reach
from components.tokenization import train_sentencepiece
from components.tokenization.tokenizer import Tokenizer
from components.trainer.classification import run_fn
from tests.components.trainer.runs import with_training

TEXTS = ["schön schon", "höre hore", "ça ca"]


@pytest.mark.filterwarnings("ignore")
def test_an_exported_model_says_that_it_reads_accents(fine_tuning_config, sample_records, tmp_path):
    vocabulary = train_sentencepiece.train(TEXTS * 9, vocabulary_size=32, keep_accents=True)
    vocabulary_path = tmp_path / "spiece.model"
    vocabulary_path.write_bytes(vocabulary.model)
    schema = schema_pb2.Schema(
        feature=[
            schema_pb2.Feature(name=name, type=schema_pb2.BYTES)
            for name in ("guid", "text_a", "text_b", "label")
        ]
    )
    transform_graph.build(
        schema,
        preprocessing.PreprocessingConfig(
            sentencepiece_model=str(vocabulary_path),
            seq_len=8,
            uncased=False,
            keep_accents=True,
            labels=("no", "yes"),
        ),
        directory=str(tmp_path / "graph"),
    )
    records = tmp_path / "records"
    made = manifest.read(sample_records.directory)
    parameters = {**made.parameters, "keep_accents": True}
    dataclasses.replace(made, parameters=parameters).write(str(records))
    for split in ("train", "eval"):
        (records / f"Split-{split}").symlink_to(f"{sample_records.directory}/Split-{split}")
    config = with_training(
        dataclasses.replace(
            fine_tuning_config,
            keep_accents=True,
            input_columns=InputColumns(replacements=(("<br />", " "),)),
        ),
        train_steps=1,
        warmup_steps=0,
    )
    exported = str(tmp_path / "model")
    run_fn.run_fn(
        tfx.components.FnArgs(
            train_files=[f"{records}/Split-train/*"],
            eval_files=[f"{records}/Split-eval/*"],
            transform_output=str(tmp_path / "graph"),
            model_run_dir=str(tmp_path / "model_run"),
            serving_model_dir=exported,
            custom_config={run_fn.CONFIG_KEY: configuration.to_json(config)},
        )
    )
    # The combining tilde is a piece of its own, unless it is removed.
    text = "scho\u0334n " * 6
    kept, stripped = (
        Reach(Tokenizer(vocabulary, keep_accents=keep), 8).characters(text)
        for keep in (True, False)
    )
    assert kept < stripped
    model = PushedModel(exported, 1)
    assert model.reach.characters(text) == kept
    # The texts are cleaned as for training, and by the graph alone.
    assert model.columns.replaced_in_graph
    assert model.columns.metrics == config.metric_names
    scores = model.predict(text_a=["schön<br />schon", "schön schon", "ça"], text_b=[""] * 3)[
        "scores"
    ]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-6)
    assert np.abs(scores[0] - scores[2]).max() > 1e-6
    assert model.reach.characters(text.replace(" ", "<br />"))[0] > kept[0]
