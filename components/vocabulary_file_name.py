"""The name of the vocabulary file, for code that looks for the file without reading it."""

# The file lies beside weights, beside records, and in an artifact of its own.
MODEL_FILE_NAME = "spiece.model"
