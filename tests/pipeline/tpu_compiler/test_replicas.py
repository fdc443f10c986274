"""The exported program with its sums over the replicas, run on two devices by another runtime."""

import dataclasses
import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

from components.trainer import exported_update
from pipeline import preset_loader, workloads
from pipeline.tpu_compiler import compiler

SCRIPT = pathlib.Path(__file__).with_name("run_replicas.py")
OUTSIDE = pathlib.Path(compiler.__file__).parent / "outside"
SETTINGS = [
    *("model.n_layer=1", "model.d_model=32", "model.n_head=2", "model.d_head=16"),
    *("model.d_inner=32", "model.n_token=64", "seq_len=16", "training.batch_size=8"),
    *("options.dropout=0", "options.dropout_att=0", "options.compute_dtype=float32"),
    *("training.warmup_steps=0", "training.learning_rate=0.001", "training.clip_norm=0.1"),
    *("data.root=x", "vocabulary.model=x", "vocabulary.size=null", "run.output_root=x"),
]


def test_two_replicas_make_the_update_of_one(tmp_path):
    try:
        python = compiler.interpreter()
    except compiler.CompilerError as error:
        pytest.skip(str(error))
    config = preset_loader.load("mnli_large", SETTINGS)
    for number in (1, 2):
        task, features = workloads.training_step(config, replicas=number)
        exported = exported_update.replica_update(
            task, config.training, features, replicas=number
        ).export()
        (tmp_path / f"{number}.hlo").write_bytes(exported.hlo)
        about = dataclasses.asdict(dataclasses.replace(exported, hlo=b""))
        del about["hlo"]
        (tmp_path / f"{number}.json").write_text(json.dumps(about))
    flags = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    process = subprocess.run(
        [python, str(SCRIPT), str(OUTSIDE), str(tmp_path), "1", "2"],
        env={**os.environ, **flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    one, two = np.load(tmp_path / "1.npz"), np.load(tmp_path / "2.npz")
    assert set(one) == set(two)
    # Metrics, weights, moments and the update's number.
    assert len(one) > 60
    for name in one:
        for replica in two[name]:
            np.testing.assert_allclose(replica, one[name][0], rtol=0, atol=1e-6, err_msg=name)
    # More than the clipping's bound: the sum over the replicas comes before it.
    assert one["gradient_norm"] > 0.1
    assert int(one["iteration:0"][0]) == 1
