"""Runs single components as plain commands, without a pipeline or an orchestrator.

`python -m components.<name>` runs the same executor with the same settings as a pipeline, but reads
and writes folders (local or `gs://`) that the caller names. Nothing heavy is imported until a
command runs.
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
from components.terminal_log import TerminalHandler

if TYPE_CHECKING:
    from tfx.dsl.components.base import base_component

# Beam's local runner, configured so that it downloads nothing; see pipeline.config.RunConfig.
DEFAULT_BEAM_ARGS = ("--runner=FnApiRunner", "--sdk_container_image=unused")
_MAX_CONFIG_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Command:
    """Describes a component as a command.

    Attributes:
        help: help text of the command, one line.
        run: carries out the command with the parsed options.
        inputs: for each folder or file that the command reads, the name of its option and its help
            text. An option whose name ends in "?" is optional.
        outputs: for each folder that the command writes, the name of its option and its help text.
        config: dotted path of the dataclass whose fields the file of `--config` contains as YAML or
            JSON; None if the command has no such option.
        add_arguments: adds further options to the parser, if there are any.
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
    """Parses the command line and runs a command.

    Args:
        package: name of the component's package.
        commands: the only command, or several commands by name.
        arguments: arguments of the command line; None uses those of this process.

    Returns:
        The exit status for the process.
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
    logging.basicConfig(level=logging.INFO, handlers=[TerminalHandler()])
    if not options.verbose:
        # The exception also arrives below, where only its message is printed. So Beam's log of it
        # is hidden.
        for handler in logging.getLogger().handlers:
            handler.addFilter(_is_no_error_of_a_step)
    # Beam components parse the arguments of the process themselves, and would not know ours.
    sys.argv = sys.argv[:1]
    try:
        with interruption.recognized():
            options.command.run(options)
    except (ValueError, OSError, RuntimeError) as error:
        if options.verbose:
            raise
        print(f"error: {plain_errors.message(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        how = str(error) or "nothing was written that counts as complete."
        print(f"interrupted: {how}", file=sys.stderr)
        return interruption.EXIT_STATUS
    return 0


def commands_of(package: str) -> dict[str, Command]:
    """Finds the commands of a step by name.

    They are the `NAME` and `COMMAND` in the `command.py` of each kind's folder in the package.
    """
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
    """Runs a command and ends the process; a component's `__main__` calls this."""
    status = main(package, commands)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Skips the normal shutdown of the interpreter, in which destructors of TensorFlow functions
    # raise errors.
    os._exit(status)


def read_config(options: argparse.Namespace, path: str | None = None) -> Any:
    """Reads the configuration file that was given with `--config`.

    Args:
        options: parsed options of the command.
        path: dotted path of the dataclass to read; None uses that of the command.

    Raises:
        ConfigurationError: if the file is not a legal configuration; the message names the place in
            the file and what is legal there.
        NoSuchFilesError: if there is no such file.
    """
    module, _, name = (path or options.command.config).rpartition(".")
    config_type = getattr(importlib.import_module(module), name)
    content = files.read_bytes(options.config, max_bytes=_MAX_CONFIG_BYTES)
    values = plain_yaml.load(content, where=options.config)
    return configuration.build(config_type, values, where=options.config)


def channel(type_name: str) -> Any:
    """Returns a channel of a type such as "Examples", for a component that `execute` will run."""
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
        component: the component with its settings; `inputs` and `outputs` say what its channels
            hold.
        inputs: folder for each of the component's inputs, by name; None for an optional input that
            is not given.
        outputs: folder for each of the component's outputs, by name.
        beam_args: flags for the Beam runner; if empty, `DEFAULT_BEAM_ARGS`.
    """
    from tfx.dsl.components.base import base_beam_executor, base_executor

    executor_class = component.executor_spec.executor_class
    temporary = files.join(next(iter(outputs.values())), ".temporary")
    if issubclass(executor_class, base_beam_executor.BaseBeamExecutor):
        # The last of equal options holds: this one is what a cluster's workers are asked to reach.
        given = [f"--temp_location={temporary}", *(beam_args or DEFAULT_BEAM_ARGS)]
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=given, tmp_dir=temporary
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
