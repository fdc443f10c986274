import pytest

from components.trainer.training_job import MachineConfig

GPUS = {"image": "registry.example/i@sha256:" + "b" * 64, "machine_type": "n1-standard-16"}
TPUS = {**GPUS, "machine_type": "ct5lp-hightpu-4t", "tpu_topology": "2x2"}


@pytest.mark.parametrize(
    ("machine", "strategy"), [(GPUS, "one_device"), (GPUS, "mirrored"), (TPUS, "tpu")]
)
def test_workers_that_would_each_train_on_their_own_are_refused(machine, strategy):
    MachineConfig(**machine, strategy=strategy, replica_count=1)
    with pytest.raises(ValueError, match=f"replica_count is 3 and strategy is '{strategy}'"):
        MachineConfig(**machine, strategy=strategy, replica_count=3)


def test_several_workers_may_train_together():
    assert MachineConfig(**GPUS, strategy="multi_worker", replica_count=3).replica_count == 3


V3 = {**GPUS, "machine_type": "cloud-tpu", "accelerator": "TPU_V3"}


@pytest.mark.parametrize(
    ("one", "slice_"),
    [
        ({**V3, "accelerator_count": 8}, {"accelerator_count": 32}),
        (TPUS, {"tpu_topology": "2x4"}),
        (
            {**TPUS, "machine_type": "ct5lp-hightpu-8t", "tpu_topology": "2x4"},
            {"tpu_topology": "4x4"},
        ),
    ],
)
def test_a_slice_of_several_machines_is_refused(one, slice_):
    MachineConfig(**one, strategy="tpu")
    with pytest.raises(ValueError, match="a TPU slice of several machines"):
        MachineConfig(**{**one, **slice_}, strategy="tpu")


def test_a_topology_is_extents():
    with pytest.raises(ValueError, match=r"tpu_topology is '2 x 2'; legal .* '2x2'"):
        MachineConfig(**{**TPUS, "tpu_topology": "2 x 2"}, strategy="tpu")
