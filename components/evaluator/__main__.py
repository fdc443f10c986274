"""`python -m components.evaluator`: evaluates a model on data, outside of a pipeline."""

from components import standalone

COMMANDS = standalone.commands_of("components.evaluator")

if __name__ == "__main__":
    standalone.run_and_exit("components.evaluator", COMMANDS)
