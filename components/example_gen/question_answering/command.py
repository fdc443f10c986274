"""`python -m components.example_gen squad`: runs SquadExampleGen outside a pipeline."""

from components.example_gen import standalone_conversion

NAME = "squad"
COMMAND = standalone_conversion.command(
    "paragraphs of SQuAD files",
    component="components.example_gen.question_answering.component.SquadExampleGen",
    settings="components.example_gen.question_answering.squad_inputs.SquadSettings",
)
