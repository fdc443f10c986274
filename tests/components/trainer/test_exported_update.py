import re

import pytest
import tensorflow as tf

from components.trainer import exported_update
from pipeline import preset_loader, workloads

SMALL = [
    *("model.n_layer=1", "model.d_model=32", "model.n_head=2", "model.d_head=16"),
    *("model.d_inner=32", "model.n_token=64", "seq_len=16", "training.batch_size=8"),
    *("data.root=x", "vocabulary.model=x", "vocabulary.size=null", "run.output_root=x"),
]


def step_of(*settings: str, replicas: int = 1):
    config = preset_loader.load("mnli_large", [*SMALL, *settings])
    task, features = workloads.training_step(config, replicas=replicas)
    return task, config.training, features


def check_sums(text: str, number: int) -> None:
    sums = re.findall(r" all-reduce\(.*replica_groups=\{\{([\d,]+)\}\}", text)
    assert sums == ["0,1,2,3"] * number
    # Dropout differs between the replicas.
    assert " replica-id()" in text


def test_the_program_has_the_parameters_and_the_sums_over_the_replicas():
    task, training, features = step_of(replicas=4)
    update = exported_update.replica_update(task, training, features, replicas=4)
    exported = update.export()
    text = update.lower("hlo")
    entry = text[text.index("\nENTRY ") :]
    shapes = {
        int(number): (dtype, tuple(int(n) for n in extents.split(",") if n))
        for dtype, extents, number in re.findall(
            r"= (\w+)\[([\d,]*)\]\S* parameter\((\d+)\)", entry
        )
    }
    short = {"float32": "f32", "int32": "s32", "int64": "s64"}
    assert [shapes[number] for number in range(len(shapes))] == [
        (short[one.dtype], one.shape) for one in exported.parameters
    ]
    trained = [v.name for v in task.build_model().trainable_variables]
    # `mask_emb` is for pretraining alone.
    updated = [name for name in trained if "mask_emb" not in name]
    by_role = {
        role: [one.name for one in exported.parameters if one.role == role]
        for role in (exported_update.TRAINED, exported_update.SLOT)
    }
    assert sorted(by_role[exported_update.TRAINED]) == sorted(trained)
    moments = [f"{moment}/{name}" for name in updated for moment in "mv"]
    assert set(moments) <= set(by_role[exported_update.SLOT])
    assert exported.results == ("gradient_norm", "loss")
    by_name = {one.name: one for one in exported.parameters}
    gamma = by_name["model/transformer/layer_0/ff/LayerNorm/gamma:0"]
    assert (gamma.mean, gamma.deviation) == (1.0, 0.0)
    kernel = by_name["model/transformer/layer_0/ff/layer_1/kernel:0"]
    assert kernel.deviation == pytest.approx(0.02, rel=0.2)
    # Those of the gradients, of the loss and of its weight.
    check_sums(text, len(updated) + 2)


def test_norms_of_replicas_that_clip_on_their_own_are_gathered():
    task, training, features = step_of("training.clipping=replica", replicas=4)
    text = exported_update.replica_update(task, training, features, replicas=4).lower("hlo")
    trained = len(task.build_model().trainable_variables) - 1
    check_sums(text, trained + 2 + 1)


def test_what_xla_does_not_take_is_an_error():
    @tf.function(jit_compile=True)
    def prints(features, state):
        return tf.strings.as_string(features["label_ids"])

    update = exported_update.ReplicaUpdate(prints, ({"label_ids": tf.zeros([8])}, {}), ())
    with pytest.raises(exported_update.NotLoweredError, match="does not compile for XLA"):
        update.lower("hlo")
