"""The model to compare a candidate with: the latest one that was blessed."""

from __future__ import annotations

from collections.abc import Callable

from tfx import types
from tfx.dsl.components.common import resolver
from tfx.dsl.input_resolution.strategies import latest_blessed_model_strategy
from tfx.types import standard_artifacts

# From the candidate model's channel to the node that finds the model to compare it with. Which of
# those below an orchestrator can run is its own matter; None compares with nothing.
ResolveBaseline = Callable[[types.BaseChannel], resolver.Resolver | None]

_CANDIDATE = "candidate"
_NODE_ID = "baseline_model"


class BlessedBeforeCandidateStrategy(latest_blessed_model_strategy.LatestBlessedModelStrategy):
    """The latest blessed model that is older than the candidate.

    When a run is repeated, its own model is the latest blessed one. Comparing it with itself says
    nothing, and the new input would keep the Evaluator from being taken from the cache.
    """

    def resolve_artifacts(
        self, store: object, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        """Model and blessing, or empty lists if there was none before the candidate."""
        candidate = max((artifact.id for artifact in input_dict[_CANDIDATE]), default=0)
        channels = {key: list(value) for key, value in input_dict.items() if key != _CANDIDATE}
        channels["model"] = [model for model in channels["model"] if model.id < candidate]
        resolved = super().resolve_artifacts(store, channels)
        return {**resolved, _CANDIDATE: input_dict[_CANDIDATE]}


def _blessed_channels() -> dict[str, types.Channel]:
    return {
        "model": types.Channel(type=standard_artifacts.Model),
        "model_blessing": types.Channel(type=standard_artifacts.ModelBlessing),
    }


def blessed_before(candidate: types.BaseChannel) -> resolver.Resolver:
    """Resolver for orchestrators that run strategies of one's own (local)."""
    return resolver.Resolver(
        strategy_class=BlessedBeforeCandidateStrategy,
        **_blessed_channels(),
        **{_CANDIDATE: candidate},
    ).with_id(_NODE_ID)


def latest_blessed(candidate: types.BaseChannel) -> resolver.Resolver:
    """Resolver for orchestrators that know TFX's strategies only (Vertex)."""
    del candidate  # they look the models up by themselves
    return resolver.Resolver(
        strategy_class=latest_blessed_model_strategy.LatestBlessedModelStrategy,
        **_blessed_channels(),
    ).with_id(_NODE_ID)


def none(candidate: types.BaseChannel) -> None:
    """For Kubeflow Pipelines, whose backend refuses resolvers ("resolver not implemented yet")."""
    del candidate


def model_of(baseline: resolver.Resolver | None) -> types.BaseChannel | None:
    """The channel of the model to compare with, if there is one."""
    return None if baseline is None else baseline.outputs["model"]
