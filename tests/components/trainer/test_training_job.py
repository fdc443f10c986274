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
