"""Text to SentencePiece ids, in Python and inside the TensorFlow graph."""
