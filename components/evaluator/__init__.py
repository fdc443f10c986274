"""Metrics, decoding, thresholds, blessing and the report."""
