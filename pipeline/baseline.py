"""Finds the model that a new one, the candidate, is compared with: the latest blessed model.

Orchestrators differ in what they can do here, so each runner passes the function below that works
on it to `pipeline.graph.create_pipeline`.
"""

from __future__ import annotations

from collections.abc import Callable

from tfx import types
from tfx.dsl.components.common import resolver
from tfx.dsl.input_resolution.strategies import latest_blessed_model_strategy
from tfx.types import standard_artifacts

# A function that takes the channel of the candidate and returns the node that finds the model to
# compare it with, or None if nothing is compared.
ResolveBaseline = Callable[[types.BaseChannel], resolver.Resolver | None]

_CANDIDATE = "candidate"
_NODE_ID = "baseline_model"


class BlessedBeforeCandidateStrategy(latest_blessed_model_strategy.LatestBlessedModelStrategy):
    """Finds the latest blessed model that is older than the candidate.

    When a run is repeated, its own model is the latest blessed one. Comparing it with itself would
    say nothing, and the changed input would prevent the Evaluator from being served from the cache.
    """

    def resolve_artifacts(
        self, store: object, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        """Returns the model and its blessing; both empty if there is none before the candidate."""
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
    """Makes a resolver with our own strategy, which only the local orchestrator can run."""
    return resolver.Resolver(
        strategy_class=BlessedBeforeCandidateStrategy,
        **_blessed_channels(),
        **{_CANDIDATE: candidate},
    ).with_id(_NODE_ID)


def latest_blessed(candidate: types.BaseChannel) -> resolver.Resolver:
    """Makes a resolver with TFX's strategy, for Vertex, which knows no others."""
    del candidate  # Vertex looks up the models by itself.
    return resolver.Resolver(
        strategy_class=latest_blessed_model_strategy.LatestBlessedModelStrategy,
        **_blessed_channels(),
    ).with_id(_NODE_ID)


def none(candidate: types.BaseChannel) -> None:
    """Makes no resolver: Kubeflow's backend refuses them ("resolver not implemented yet")."""
    del candidate


def model_of(baseline: resolver.Resolver | None) -> types.BaseChannel | None:
    """Returns the channel of the model to compare with, or None without a resolver."""
    return None if baseline is None else baseline.outputs["model"]
