"""`python -m components.example_gen`: converts raw files into examples, outside a pipeline."""

from components import standalone

COMMANDS = standalone.commands_of("components.example_gen")

if __name__ == "__main__":
    standalone.run_and_exit("components.example_gen", COMMANDS)
