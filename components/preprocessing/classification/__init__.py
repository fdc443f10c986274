"""Classification records through tensorflow-transform."""
