import pytest
import tensorflow as tf

from components.trainer import preflight
from pipeline import cli, preset_loader, workloads

# Lengths, batches and heads are the preset's; layers and widths only repeat.
SMALL = [
    *("model.n_layer=1", "model.d_model=32", "model.n_head=2", "model.d_head=16"),
    *("model.d_inner=32", "model.n_token=64"),
]
GIVEN = ["data.root=x", "vocabulary.model=x", "vocabulary.size=null", "run.output_root=x"]


def tpu_presets() -> list[str]:
    loaded = {
        name: preset_loader.load(name, GIVEN)
        for name in preset_loader.names()
        if not name.startswith("sample")
    }
    return [name for name, config in loaded.items() if config.training.strategy == "tpu"]


def replicas_of(name: str) -> int:
    text = (preset_loader.PRESET_DIRECTORY / f"{name}.yaml").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("# Estimate:")]
    return int(line.split("--replicas ")[1].split()[0])


@pytest.mark.parametrize("name", tpu_presets())
def test_a_step_of_every_preset_for_tpus_has_static_shapes(name):
    config = preset_loader.load(name, [*GIVEN, *SMALL])
    task, features = workloads.training_step(config, replicas=replicas_of(name))
    lowered = preflight.lower(task, config.training, features)
    assert lowered.instructions > 500
    rows = config.training.batch_size // replicas_of(name)
    assert {spec.shape[0] for spec in features.values()} == {rows}


def test_a_dynamic_shape_is_found():
    @tf.function(jit_compile=True)
    def chosen(values):
        return tf.reduce_sum(tf.boolean_mask(values, values > 0) ** 2)

    text = chosen.experimental_get_compiler_ir(tf.zeros([8]))(stage="hlo")
    with pytest.raises(preflight.PreflightError, match=r"dynamic shapes.*<=8"):
        preflight.check_static(text)


def test_the_command_says_what_was_compiled(capsys):
    arguments = ["preflight", "mnli_large", "--replicas", "64", "--set", *SMALL]
    assert cli.main([*arguments, "seq_len=16", "--optimize"]) == 0
    output = capsys.readouterr().out
    assert "2 rows per replica, 64 of them" in output
    assert "all of static shapes" in output
