"""`python -m components.trainer`: records to checkpoints and weights. Imports no TFX.

It is a Vertex job's command, on a TPU or GPUs. Started again, it goes on from the last checkpoint.
"""

from components import standalone

COMMANDS = standalone.commands_of("components.trainer")

if __name__ == "__main__":
    standalone.run_and_exit("components.trainer", COMMANDS)
