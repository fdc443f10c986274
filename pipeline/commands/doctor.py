"""`xlnet-pipeline doctor`: checks whether everything that a run needs is there."""

from __future__ import annotations

import argparse

HELP = "check the installation, devices, disk, credentials, and a configuration's files"
EXAMPLES = """\
  xlnet-pipeline doctor                           what is installed, and whether it fits together
  xlnet-pipeline doctor sst2_small --data GLUE/SST-2 --vocabulary spiece.model
"""

_SIGNS = {"ok": "ok", "note": "--", "problem": "!!"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for a configuration, which is checked as well if one is given."""
    from pipeline.commands import configuration_arguments

    configuration_arguments.add(parser, preset_required=False)


def run(options: argparse.Namespace) -> int:
    """Prints a line for each finding; returns 1 if any of them is a problem, otherwise 0."""
    from pipeline import doctor
    from pipeline.commands import configuration_arguments

    output_root = options.output or "."
    config = None
    findings = []
    if options.preset:
        try:
            config = configuration_arguments.load(options)
            config.check_inputs()
            output_root = config.run.output_root
            text = f"{options.preset} is complete and its files are there"
            findings.append(doctor.Finding("configuration", "ok", text))
        except (ValueError, OSError) as error:
            findings.append(doctor.Finding("configuration", "problem", str(error)))
    has_problem = False
    for finding in (*findings, *doctor.examine(output_root=output_root)):
        print(f"{_SIGNS[finding.verdict]}  {finding.what:14} {finding.detail}", flush=True)
        has_problem |= finding.verdict == "problem"
    return int(has_problem)
