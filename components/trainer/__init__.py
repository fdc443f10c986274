"""The training loop and all around it."""
