"""Predictions for whole splits of raw examples, by TFX's BulkInferrer."""
