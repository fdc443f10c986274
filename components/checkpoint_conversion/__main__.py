"""`python -m components.checkpoint_conversion`: the same as `xlnet-pipeline convert`."""

from __future__ import annotations

from components import standalone
from components.checkpoint_conversion import command

COMMAND = standalone.Command(command.HELP, command.run, {}, {}, add_arguments=command.add_arguments)

if __name__ == "__main__":
    standalone.run_and_exit("components.checkpoint_conversion", COMMAND)
