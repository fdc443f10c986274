"""Components as plain commands: folders in, folders out, local or `gs://`.

`python -m components.<name>` runs the same executor with the same settings as a pipeline does; only
the artifacts are folders that the caller names. Nothing heavy is imported until a command runs.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import importlib.util
import logging
import os
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from components import __version__, configuration, files, interruption, plain_errors, plain_yaml

if TYPE_CHECKING:
    from tfx.dsl.components.base import base_component

# Beam's local runner, so that nothing is downloaded; see pipeline.config.RunConfig.
DEFAULT_BEAM_ARGS = ("--runner=FnApiRunner", "--sdk_container_image=unused")
_MAX_CONFIG_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Command:
    """A component as a command.

    Attributes:
        help: one line about it.
        run: from the parsed options to what it does.
        inputs: folders or files that it reads, by the option's name; the text is its help. A name
            that ends in "?" may be left out.
        outputs: folders that it writes, the same way.
        config: dotted path of the dataclass that `--config FILE` holds as YAML or JSON; None for
            none.
        add_arguments: adds further options.
    """

    help: str
    run: Callable[[argparse.Namespace], None]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    config: str | None = None
    add_arguments: Callable[[argparse.ArgumentParser], None] | None = None


def main(
    package: str, commands: Command | Mapping[str, Command], arguments: Sequence[str] | None = None
) -> int:
    """Runs a command; returns the process's exit status.

    Args:
        package: name of the component's package.
        commands: the only command, or several by name.
        arguments: of the command line; None takes the process's.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    parser.add_argument("--version", action="version", version=__version__)
    if isinstance(commands, Command):
        _set_up(parser, commands)
    else:
        subparsers = parser.add_subparsers(required=True, metavar="KIND")
        for name, command in commands.items():
            _set_up(subparsers.add_parser(name, help=command.help), command)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s  %(message)s", datefmt="%H:%M:%S")
    if not options.verbose:
        # The exception comes up to here, and is printed once, without the way it came.
        for handler in logging.getLogger().handlers:
            handler.addFilter(_is_no_error_of_a_step)
    # Beam components parse the process's arguments anew, and know nothing of ours.
    sys.argv = sys.argv[:1]
    try:
        options.command.run(options)
    except (ValueError, OSError, RuntimeError) as error:
        if options.verbose:
            raise
        said = plain_errors.message(error)
        if interruption.asked.is_set():
            print(f"interrupted: {said}", file=sys.stderr)
            return interruption.EXIT_STATUS
        print(f"error: {said}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: nothing was written that counts as complete.", file=sys.stderr)
        return interruption.EXIT_STATUS
    return 0


def commands_of(package: str) -> dict[str, Command]:
    """The commands of a step: `NAME` and `COMMAND` of the `command.py` in each kind's folder."""
    found = {}
    for kind in pkgutil.iter_modules(importlib.import_module(package).__path__):
        name = f"{package}.{kind.name}.command"
        if kind.ispkg and importlib.util.find_spec(name):
            module = importlib.import_module(name)
            found[module.NAME] = module.COMMAND
    return found


def _is_no_error_of_a_step(record: logging.LogRecord) -> bool:
    return not plain_errors.is_of_a_step(record.getMessage())


def run_and_exit(package: str, commands: Command | Mapping[str, Command]) -> None:
    """Entry point of a `__main__`."""
    status = main(package, commands)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # TensorFlow's functions raise in their destructors when the interpreter takes itself apart.
    os._exit(status)


def read_config(options: argparse.Namespace, path: str | None = None) -> Any:
    """The dataclass that `--config` holds.

    Args:
        options: of the command.
        path: dotted path of the dataclass; None takes the command's.

    Raises:
        ConfigurationError: naming the place in the file and what is legal there.
        NoSuchFilesError: if there is no such file.
    """
    module, _, name = (path or options.command.config).rpartition(".")
    config_type = getattr(importlib.import_module(module), name)
    content = files.read_bytes(options.config, max_bytes=_MAX_CONFIG_BYTES)
    values = plain_yaml.load(content, where=options.config)
    return configuration.build(config_type, values, where=options.config)


def channel(type_name: str) -> Any:
    """A channel of "Examples", "Model", … for a component that `execute` will run."""
    from tfx import types
    from tfx.types import standard_artifacts

    from components import artifacts

    found = getattr(standard_artifacts, type_name, None) or getattr(artifacts, type_name)
    return types.Channel(type=found)


def execute(
    component: base_component.BaseComponent,
    *,
    inputs: Mapping[str, str | None],
    outputs: Mapping[str, str],
    beam_args: Sequence[str] = (),
) -> None:
    """Runs a component's executor in this process.

    Args:
        component: with its settings; what its channels hold is given by the next two.
        inputs: folders by the component's names of its inputs; None where there is none.
        outputs: folders by the component's names of its outputs.
        beam_args: of the Beam runner.
    """
    from tfx.dsl.components.base import base_beam_executor, base_executor

    executor_class = component.executor_spec.executor_class
    temporary = files.join(next(iter(outputs.values())), ".temporary")
    if issubclass(executor_class, base_beam_executor.BaseBeamExecutor):
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=list(beam_args or DEFAULT_BEAM_ARGS), tmp_dir=temporary
        )
    else:
        context = base_executor.BaseExecutor.Context(tmp_dir=temporary)
    input_dict = {
        name: [_artifact(component.inputs[name].type, uri)]
        for name, uri in inputs.items()
        if uri is not None
    }
    output_dict = {
        name: [_artifact(component.outputs[name].type, uri)] for name, uri in outputs.items()
    }
    for uri in outputs.values():
        files.make_directory(uri)
    executor_class(context).Do(input_dict, output_dict, dict(component.exec_properties))


def _artifact(artifact_type: type, uri: str) -> Any:
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils, standard_artifacts

    artifact = artifact_type()
    artifact.uri = uri.rstrip("/")
    if artifact_type is standard_artifacts.Examples:
        artifact.split_names = artifact_utils.encode_split_names(files.split_names(uri))
        examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(artifact, "tfrecords_gzip")
    return artifact


def _set_up(parser: argparse.ArgumentParser, command: Command) -> None:
    parser.description = command.help
    for group, options in (("inputs", command.inputs), ("outputs", command.outputs)):
        arguments = parser.add_argument_group(group)
        for name, text in options.items():
            arguments.add_argument(
                f"--{name.rstrip('?').replace('_', '-')}",
                required=not name.endswith("?"),
                metavar="PATH",
                help=text,
            )
    if command.config:
        name = command.config.rpartition(".")[2]
        parser.add_argument(
            "--config",
            required=True,
            metavar="FILE",
            help=f"YAML or JSON with the fields of {command.config}, documented there ({name})",
        )
    if command.add_arguments:
        command.add_arguments(parser)
    parser.add_argument(
        "--beam-arg",
        dest="beam_args",
        action="append",
        default=[],
        metavar="=--OPTION=VALUE",
        help="of the Beam runner, as --beam-arg=--runner=DataflowRunner; may be repeated",
    )
    parser.add_argument("--verbose", action="store_true", help="show tracebacks of errors")
    parser.set_defaults(command=command)
