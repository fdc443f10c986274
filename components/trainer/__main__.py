"""`python -m components.trainer`: trains on records and writes checkpoints and weights.

Training jobs on Vertex AI run this command on a TPU or on GPUs, so it does not import TFX. If it is
started again with the same arguments, it resumes from the last checkpoint.
"""

from components import standalone

COMMANDS = standalone.commands_of("components.trainer")

if __name__ == "__main__":
    standalone.run_and_exit("components.trainer", COMMANDS)
