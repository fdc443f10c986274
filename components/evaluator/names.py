"""Names of the files that an evaluation leaves behind."""

REPORT_NAME = "report.html"
RESULTS_NAME = "results.json"
