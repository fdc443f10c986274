"""Evaluates a trained model: metrics, thresholds, the blessing, and the report.

Each kind of task has a folder with its component and executor. What they share is here: the gate
(`gate`), the blessing (`blessing`) and the report (`report`).
"""
