"""Paragraphs and questions to aligned windows."""
