"""`python -m components.evaluator`: a model and data to scores, a report and a blessing."""

from components import standalone

COMMANDS = standalone.commands_of("components.evaluator")

if __name__ == "__main__":
    standalone.run_and_exit("components.evaluator", COMMANDS)
