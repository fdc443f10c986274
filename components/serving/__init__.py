"""Answering requests with pushed models: from files, from a terminal, over HTTP."""
