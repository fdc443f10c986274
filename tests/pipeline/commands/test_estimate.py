import pytest
import yaml

from components.example_gen.classification.tasks import get_task
from pipeline import cli, preset_loader, workloads
from pipeline.devices import DEVICES


def rows_of(output: str) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in output.splitlines() if line)


LARGE = [
    *("model.n_layer=24", "model.d_model=1024", "model.n_head=16", "model.d_head=64"),
    *("model.d_inner=4096", "model.n_token=32000"),
]


def test_needs_neither_data_nor_vocabulary(capsys):
    assert cli.main(["estimate", "sst2_small", "--replicas", "2"]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert rows["batch"] == "32 rows of 64 tokens per replica, 2 of them"
    # By hand, with d = 128 and 4 heads of 32: embeddings and mask_emb; in each of 2 layers five
    # projections, the feed-forward layers, two layer norms, segments and three biases; summary and
    # logits of two classes.
    layer = 5 * 128 * 128 + (2 * 128 * 512 + 512 + 128) + 4 * 128 + 2 * 128 + 3 * 128
    parameters = 32000 * 128 + 128 + 2 * layer + (128 * 128 + 128) + (128 * 2 + 2)
    assert rows["parameters"] == f"{parameters:,}"
    assert rows["weights"] == f"{4 * parameters / 2**30:.3f} GiB"
    assert rows["optimizer"] == f"{8 * parameters / 2**30:.3f} GiB"
    assert all("fits" in rows[name] for name in DEVICES)


def test_says_where_a_large_model_does_not_fit(capsys):
    arguments = ["estimate", "squad2_small", "--set", *LARGE, "windows.max_seq_length=512"]
    assert cli.main([*arguments, "training.batch_size=32"]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert rows["task"] == "question_answering"
    assert "does not fit" in rows["v2"]
    assert "does not fit" in rows["gpu24"]


def test_the_status_speaks_of_the_device_that_is_named(capsys):
    arguments = ["estimate", "squad2_small", "--set", *LARGE, "windows.max_seq_length=512"]
    assert cli.main([*arguments, "training.batch_size=32", "--device", "v3"]) == 2
    verdict = rows_of(capsys.readouterr().out)["v3"]
    most = int(verdict.partition("at most ")[2].split()[0])
    assert 1 <= most < 32
    # What is advised fits, one row more does not.
    assert cli.main([*arguments, f"training.batch_size={most}", "--device", "v3"]) == 0
    assert cli.main([*arguments, f"training.batch_size={most + 1}", "--device", "v3"]) == 2


def test_a_batch_that_cannot_be_shared_is_an_error(capsys):
    assert cli.main(["estimate", "sst2_small", "--replicas", "7"]) == 1
    assert "7 replicas cannot share a batch of 64" in capsys.readouterr().err


def test_micro_batches_take_less_memory_for_the_same_operations(capsys):
    arguments = ["estimate", "squad2_small", "--set", "training.batch_size=32"]
    assert cli.main(arguments) == 0
    whole = rows_of(capsys.readouterr().out)
    assert cli.main([*arguments, "training.gradient_accumulation=4"]) == 0
    parts = rows_of(capsys.readouterr().out)
    assert (
        parts["batch"] == "8 rows of 256 tokens per replica and micro-batch, 4 of these, 1 of them"
    )
    # Position encodings are projected anew in each.
    operations = float(whole["FLOPs"].split()[0])
    assert operations < float(parts["FLOPs"].split()[0]) < 1.02 * operations
    assert float(parts["activations"].split()[0]) == pytest.approx(
        float(whole["activations"].split()[0]) / 4, abs=2e-3
    )
    gradients = float(whole["gradients"].split()[0])
    assert float(parts["gradients"].split()[0]) == pytest.approx(2 * gradients, abs=2e-3)


@pytest.mark.parametrize(("task", "outputs"), [("mnli_matched", 3), ("sst-2", 2), ("sts-b", 1)])
def test_outputs_are_those_of_the_data_set(tmp_path, task, outputs):
    document = {
        "extends": ["base", "sizes/small"],
        "kind": "classification",
        "name": "mine",
        "data": {"root": "x", "task": task},
        "vocabulary": {"model": "x"},
        "seq_len": 64,
        "model": {"n_token": 32000},
        "training": {"batch_size": 8, "train_steps": 1, "learning_rate": 1.0e-4},
        "evaluation": {"thresholds": {get_task(task).metrics[0]: {"minimum": 0.1}}},
        "run": {"output_root": "x"},
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document))
    workload = workloads.of(preset_loader.load(str(path)))
    assert workload.num_outputs == outputs
    assert workload.task == ("regression" if task == "sts-b" else "classification")
    assert workload.num_choices == 1


def test_a_question_has_as_many_sequences_as_options(capsys):
    assert cli.main(["estimate", "race_large", "--replicas", "32"]) == 0
    assert "1 rows of 4 × 512 tokens per replica, 32 of them" in capsys.readouterr().out


def estimate_commands() -> dict[str, list[str]]:
    """By preset, the arguments after `# Estimate: xlnet-pipeline` in its header."""
    commands = {}
    for name in preset_loader.names():
        for line in (preset_loader.PRESET_DIRECTORY / f"{name}.yaml").read_text().splitlines():
            if line.startswith("# Estimate: xlnet-pipeline "):
                commands[name] = line.split()[3:]
    return commands


def test_presets_for_tpus_and_several_gpus_say_where_they_fit():
    for name in preset_loader.names():
        document = yaml.safe_load((preset_loader.PRESET_DIRECTORY / f"{name}.yaml").read_text())
        if document.get("training", {}).get("strategy"):
            assert name in estimate_commands()


@pytest.mark.parametrize("name", estimate_commands())
def test_a_step_of_the_preset_fits_on_the_device_that_its_header_names(name, capsys):
    arguments = estimate_commands()[name]
    assert arguments[:2] == ["estimate", name]
    assert cli.main(arguments) == 0, capsys.readouterr().out
    assert "fits" in rows_of(capsys.readouterr().out)[arguments[arguments.index("--device") + 1]]


def test_a_corpus_as_large_as_xlnets(capsys):
    assert cli.main(["estimate", "pretraining_small", "--corpus", "126GB", "--workers", "100"]) == 0
    rows = rows_of(capsys.readouterr().out)
    # By hand: 4 bytes per token, 2^21 tokens per shard, and two passes over it.
    assert rows["corpus"] == "126.000 GB of text, about 31,500,000,000 tokens"
    assert rows["records"].startswith("30,040 files, ")
    # Units of 64 MiB.
    assert rows["raw"].startswith("examples 1,878 files, ")
    one, _, many = rows["building"].replace(",", "").partition(" hours of one core ")
    assert float(many.split()[0]) == pytest.approx(float(one) / 100, abs=0.01)
    # A worker's memory does not grow with the corpus.
    assert cli.main(["estimate", "pretraining_small", "--corpus", "1.26 TB"]) == 0
    larger = rows_of(capsys.readouterr().out)
    assert larger["worker"] == rows["worker"]
    assert float(larger["shuffled"].split()[0].replace(",", "")) == pytest.approx(
        10 * float(rows["shuffled"].split()[0].replace(",", "")), rel=1e-5
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pretraining_small", "--corpus", "much"], "'much' is no size of a corpus; write a"),
        (["pretraining_small", "--corpus", "0GB"], "'0GB' is no size of a corpus"),
        (["pretraining_small", "--corpus", "1GB", "--workers", "0"], "--workers is 0; at least 1"),
        (["sst2_small", "--corpus", "1GB"], "--corpus belongs to kind 'pretraining', but this is"),
    ],
)
def test_what_is_no_corpus_is_an_error(arguments, message, capsys):
    assert cli.main(["estimate", *arguments]) == 1
    assert message in capsys.readouterr().err
