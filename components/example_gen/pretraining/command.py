"""`python -m components.example_gen corpus`: runs CorpusExampleGen outside a pipeline."""

from components.example_gen import standalone_conversion

NAME = "corpus"
COMMAND = standalone_conversion.command(
    "documents of running text",
    component="components.example_gen.pretraining.component.CorpusExampleGen",
    settings="components.example_gen.pretraining.corpus_inputs.CorpusSettings",
)
