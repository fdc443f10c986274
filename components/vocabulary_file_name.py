"""Name of the vocabulary's file, for those that look for it without reading it."""

# Beside weights, beside records, and in an artifact of its own.
MODEL_FILE_NAME = "spiece.model"
