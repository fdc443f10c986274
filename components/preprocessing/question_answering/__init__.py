"""Turns paragraphs and questions into records: windows aligned with the original text."""
