"""`python -m components.example_gen text`: runs TextExampleGen outside a pipeline."""

from components.example_gen import standalone_conversion

NAME = "text"
COMMAND = standalone_conversion.command(
    "rows of text files (GLUE, IMDb, Yelp, CSV, JSON lines, …)",
    component="components.example_gen.classification.component.TextExampleGen",
    settings="components.example_gen.classification.settings.TextExampleGenSettings",
)
