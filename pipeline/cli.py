"""The `xlnet-pipeline` command."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from components import __version__
from pipeline import console

if TYPE_CHECKING:
    from pipeline.config import PipelineConfig

_EXAMPLES = """\
examples:
  xlnet-pipeline run sample                          the bundled sample, in a few minutes
  xlnet-pipeline run sst2_small --data ../glue       SST-2 on the CPU
  xlnet-pipeline run my.yaml --set seq_len=64        a file of one's own, one value changed
  xlnet-pipeline show sample                         the resolved configuration
"""


def run_and_exit() -> None:
    """Entry point of the installed command."""
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # TensorFlow's functions raise in their destructors when the interpreter takes itself apart.
    os._exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the process's exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    console.set_up(verbose=options.verbose)
    try:
        return options.function(options)
    except (ValueError, OSError, RuntimeError) as error:
        if options.verbose:
            raise
        logging.getLogger(__name__).debug("failed", exc_info=True)
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the next run goes on from what is complete", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="xlnet-pipeline",
        description="XLNet from raw text, GLUE or SQuAD to an evaluated, served model.",
        epilog=_EXAMPLES,
        formatter_class=formatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a pipeline in this process")
    _add_configuration(run)
    run.set_defaults(function=_run)

    show = commands.add_parser("show", help="print the resolved configuration")
    _add_configuration(show)
    show.set_defaults(function=_show)

    presets = commands.add_parser("presets", help="list the presets")
    presets.set_defaults(function=_presets)

    for command in (run, show, presets):
        command.add_argument(
            "--verbose", action="store_true", help="show what the libraries say, and tracebacks"
        )
    return parser


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("preset", help="name of a preset, or path of a YAML file")
    parser.add_argument(
        "--set",
        dest="overrides",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="values that replace the preset's, such as training.train_steps=100",
    )
    parser.add_argument("--data", help="folder of the raw data (data.root)")
    parser.add_argument("--vocabulary", help="SentencePiece model (vocabulary.model)")
    parser.add_argument("--output", help="folder for everything the run writes (run.output_root)")


def _load(options: argparse.Namespace) -> PipelineConfig:
    # Beam's filesystems take seconds to import; `--help` does without.
    from pipeline import preset_loader

    named = {
        "data.root": options.data,
        "vocabulary.model": options.vocabulary,
        "run.output_root": options.output,
    }
    overrides = [f"{key}={value}" for key, value in named.items() if value is not None]
    return preset_loader.load(options.preset, [*options.overrides, *overrides])


def _run(options: argparse.Namespace) -> int:
    config = _load(options)
    from pipeline import local_runner

    summary = local_runner.run(config)
    print()
    for name, value in summary.metrics.items():
        print(f"{name:24} {value:.4f}")
    if summary.blessed:
        print(f"{'blessed, pushed to':24} {summary.pushed_model}")
    else:
        print("not blessed, nothing pushed:")
        for failure in summary.failures:
            print(f"  {failure}")
    print(f"{'report':24} {summary.report}")
    return 0 if summary.blessed else 2


def _show(options: argparse.Namespace) -> int:
    from pipeline import preset_loader

    print(preset_loader.to_yaml(_load(options)), end="")
    return 0


def _presets(options: argparse.Namespace) -> int:
    from pipeline import preset_loader

    del options
    print("\n".join(preset_loader.names()))
    return 0


if __name__ == "__main__":
    run_and_exit()
