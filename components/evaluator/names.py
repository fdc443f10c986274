"""Names of the files that an evaluation writes."""

REPORT_NAME = "report.html"
RESULTS_NAME = "results.json"
