import pytest

from pipeline.tpu_compiler import topologies
from pipeline.tpu_compiler.topologies import TopologyError


@pytest.mark.parametrize(
    ("name", "replicas", "topology", "runs"),
    [
        # A single replica has no neighbours, on whatever chip.
        ("v5e", None, "v5e:1x1", 1),
        ("v4", 1, "v4:1x1x1", 1),
        # Cloud's names: a v3-8 is four chips of two cores, a v5litepod-8 eight chips.
        ("v3", 8, "v3:2x2", 8),
        ("v5e", 8, "v5e:2x4", 8),
        # The paper's pretraining: 512 chips of v3.
        ("v3", 1024, "v3:16x32", 1024),
        ("v5e:2x4", None, "v5e:2x4", 8),
        ("v5e:2x4x1", None, "v5e:2x4", 8),
        ("v2:4x4", None, "v2:4x4", 32),
        ("v5p:2x2x2", 8, "v5p:2x2x2", 8),
    ],
)
def test_slices_are_found(name, replicas, topology, runs):
    target = topologies.parse(name, replicas)
    assert (target.topology, target.replicas) == (topology, runs)


@pytest.mark.parametrize(
    ("name", "replicas", "said"),
    [
        ("v5litepod", None, "'v5litepod' is unknown.*Did you mean v5e?"),
        ("gpu16", None, "'gpu16' is unknown.*known are v2, v3, v4, v5e, v5p, v6e"),
        ("", None, "is unknown"),
        ("v5e:", None, "'v5e:' is no slice of v5e"),
        ("v5e:2x3", None, "'v5e:2x3' is no slice of v5e.*v5e:2x2, v5e:2x4.*Did you mean v5e:2x"),
        ("v4:2x2", None, "'v4:2x2' is no slice of v4.*Did you mean v4:2x2x"),
        ("v5e:2x2x2", None, "'v5e:2x2x2' is no slice of v5e"),
        ("v5e", 6, "No slice of v5e runs 6 replicas.*slices of 1, 4, 8"),
        ("v5e", 0, "No slice of v5e runs 0 replicas"),
        ("v5e:2x4", 4, "v5e:2x4 runs 8 replicas, not 4"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(name, replicas, said):
    with pytest.raises(TopologyError, match=said):
        topologies.parse(name, replicas)
