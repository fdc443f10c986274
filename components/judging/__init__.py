"""Judges pushed models on labelled data that they have never seen.

It needs the evaluators below it, which measure and report, and the loaded models of `serving`.
"""
