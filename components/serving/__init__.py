"""Makes predictions with pushed models: for files, in a terminal, and over HTTP."""
