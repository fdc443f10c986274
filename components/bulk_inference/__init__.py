"""Predicts whole splits of raw examples with TFX's BulkInferrer."""
