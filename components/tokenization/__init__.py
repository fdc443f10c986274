"""Converts text to SentencePiece ids, in Python and inside a TensorFlow graph."""
