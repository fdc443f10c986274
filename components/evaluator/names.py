"""Names of the files that an evaluation writes, and of what others read in them."""

REPORT_NAME = "report.html"
RESULTS_NAME = "results.json"
# Rows of the evaluation split that a page offers to try the model.
EXAMPLES_NAME = "examples.json"
# In the results of question answering, the threshold for a pushed model to apply; null if it is to
# answer every question.
NULL_THRESHOLD = "null_threshold"
