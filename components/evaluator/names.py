"""Names of the files that an evaluation writes."""

REPORT_NAME = "report.html"
RESULTS_NAME = "results.json"
# Rows of the evaluation split that a page offers to try the model.
EXAMPLES_NAME = "examples.json"
