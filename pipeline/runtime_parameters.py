"""The runtime parameters: values that can change from run to run without compiling again.

In every kind of pipeline, a parameter reaches all components that declare an execution parameter
for it (`Parameter.component_parameter`). `components.runtime_values` then merges the value into the
component's configuration.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from components import configuration, runtime_values
from components.runtime_values import THRESHOLDS_KEY, TRAINING_PLACES

if TYPE_CHECKING:
    from tfx.dsl.components.base import base_node

    from pipeline.config import PipelineConfig


class RuntimeParameterError(ValueError):
    """Raised if a parameter is unknown, or if its value has the wrong type."""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A value that can be given when a run is started.

    Attributes:
        name: name of the parameter.
        type: type of its value: str, int or float.
        component_parameter: name of the execution parameter that receives it in the components.
        default: function that computes the default value from the configuration.
        description: explanation for user interfaces.
    """

    name: str
    type: type
    component_parameter: str
    default: Callable[[PipelineConfig], Any]
    description: str


PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "data_root", str, "input_base", lambda config: config.data.root, "Folder of the raw data."
    ),
    Parameter(
        "train_steps",
        int,
        "train_steps",
        lambda config: config.training.train_steps,
        "Updates in total.",
    ),
    Parameter(
        "batch_size",
        int,
        "batch_size",
        lambda config: config.training.batch_size,
        "Examples per update, over all replicas.",
    ),
    Parameter(
        "learning_rate",
        float,
        "learning_rate",
        lambda config: config.training.learning_rate,
        "Peak of the schedule.",
    ),
    Parameter(
        "init_from",
        str,
        "init_from",
        lambda config: config.init_from or "",
        "Folder of the weights to start from; empty for what the pipeline was compiled with.",
    ),
    Parameter(
        "thresholds",
        str,
        THRESHOLDS_KEY,
        lambda config: _thresholds(config),
        'The gate, as JSON: {"METRIC": {"minimum": …, "maximum_drop": …}}.',
    ),
)


def _thresholds(config: PipelineConfig) -> str:
    plain = configuration.to_plain(config.evaluation.thresholds)
    given = {
        metric: {bound: value for bound, value in bounds.items() if value is not None}
        for metric, bounds in plain.items()
    }
    return json.dumps(given, sort_keys=True)


_DATA_PLACES: Mapping[str, str] = {"input_base": "data.root"}
_BY_NAME: Mapping[str, Parameter] = {parameter.name: parameter for parameter in PARAMETERS}


def bind(components: Sequence[base_node.BaseNode], config: PipelineConfig) -> dict[str, Any]:
    """Replaces fixed values in the components by runtime parameters.

    Settings that a search chooses are not made parameters, because the search would overwrite
    their values.

    Args:
        components: nodes of the pipeline; their execution properties are changed in place.
        config: configuration of the pipeline.

    Returns:
        The default values of the parameters that at least one component takes, by name.
    """
    from tfx.orchestration import data_types

    searched = frozenset(config.search.space if config.search else ())
    defaults: dict[str, Any] = {}
    for parameter in PARAMETERS:
        if TRAINING_PLACES.get(parameter.component_parameter) in searched:
            continue
        value = data_types.RuntimeParameter(name=parameter.name, ptype=parameter.type)
        for component in components:
            spec = getattr(component, "spec", None)
            if spec is not None and parameter.component_parameter in spec.PARAMETERS:
                component.exec_properties[parameter.component_parameter] = value
                defaults[parameter.name] = parameter.default(config)
    return defaults


def apply(config: PipelineConfig, given: Mapping[str, Any]) -> PipelineConfig:
    """Makes the configuration of a run with the given parameters, and checks it like a file.

    Args:
        config: configuration of the compiled pipeline.
        given: values by name, as returned by `parse`.

    Raises:
        ConfigurationError, RuntimeValueError: if a value is not legal; the message names it.
    """
    values = {_BY_NAME[name].component_parameter: value for name, value in given.items()}
    text = configuration.to_json(config)
    text = runtime_values.merge(text, values, {**TRAINING_PLACES, **_DATA_PLACES})
    text = runtime_values.merge_evaluation(text, values)
    return configuration.from_json(type(config), text, where="the run with its parameters")


def check(given: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    """Checks that a compiled pipeline takes the given parameters. Kubeflow's client does not.

    Args:
        given: values by name.
        spec: the compiled PipelineSpec as JSON.

    Raises:
        RuntimeParameterError: if it does not take some of them; the message names these.
    """
    taken = spec["root"]["inputDefinitions"]["parameters"]
    unknown = sorted(set(given) - set(taken))
    if unknown:
        raise RuntimeParameterError(
            f"This pipeline does not take {', '.join(unknown)}: a search chooses it, or no "
            f"component has a use for it. It takes: {', '.join(sorted(taken))}."
        )


def parse(assignments: Sequence[str]) -> dict[str, Any]:
    """Parses texts of the form "name=value" into typed values by name.

    Raises:
        RuntimeParameterError: if a parameter is unknown or given twice, or a value is empty or has
            the wrong type.
    """
    values = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise RuntimeParameterError(f"{assignment!r} should be NAME=VALUE.")
        if name not in _BY_NAME:
            near = difflib.get_close_matches(name, _BY_NAME, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise RuntimeParameterError(
                f"There is no runtime parameter {name!r}.{hint} They are: {', '.join(_BY_NAME)}."
            )
        if name in values:
            raise RuntimeParameterError(f"{name} is given twice; give one value.")
        if not text and name not in ("init_from", "thresholds"):
            raise RuntimeParameterError(
                f"{name} is empty; give a value, or leave it out for that of the configuration."
            )
        wanted = _BY_NAME[name].type
        try:
            values[name] = wanted(text)
        except ValueError as error:
            raise RuntimeParameterError(
                f"{name} should be of type {wanted.__name__}, but is {text!r}."
            ) from error
    return values
