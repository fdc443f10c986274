import pytest

from pipeline import cli, preset_loader, workloads

GIVEN = ["data.root=x", "vocabulary.model=x"]


def config(batch_size, *, gradient_accumulation=1):
    training = [f"training.batch_size={batch_size}"]
    training += [f"training.gradient_accumulation={gradient_accumulation}"]
    return preset_loader.load("sst2_small", [*GIVEN, *training])


def test_each_replica_and_micro_batch_has_its_share():
    found = workloads.of(config(48, gradient_accumulation=2), replicas=3)
    assert (found.batch_size, found.micro_batches) == (8, 2)


@pytest.mark.parametrize(
    ("sizes", "replicas", "message"),
    [
        (
            {"batch_size": 48},
            7,
            "7 replicas cannot share a batch of 48 evenly. The nearest legal values of "
            "training.batch_size are 42 and 49.",
        ),
        (
            {"batch_size": 48, "gradient_accumulation": 3},
            5,
            "5 replicas cannot share a batch of 48 in 3 micro-batches evenly. The nearest legal "
            "values of training.batch_size are 45 and 60.",
        ),
        (
            {"batch_size": 3},
            8,
            "8 replicas cannot share a batch of 3 evenly. The smallest legal value of "
            "training.batch_size is 8.",
        ),
        ({"batch_size": 48}, 0, "--replicas must be at least 1, not 0."),
        ({"batch_size": 48}, -2, "--replicas must be at least 1, not -2."),
    ],
)
def test_what_cannot_be_shared_is_an_error_with_what_can(sizes, replicas, message):
    with pytest.raises(ValueError) as error:
        workloads.of(config(**sizes), replicas=replicas)
    assert str(error.value) == message


@pytest.mark.parametrize("command", ["estimate", "preflight"])
def test_the_commands_say_so(command, capsys):
    assert cli.main([command, "sst2_small", "--replicas", "0"]) == 1
    assert "error: --replicas must be at least 1, not 0." in capsys.readouterr().err
