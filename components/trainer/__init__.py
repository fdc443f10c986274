"""Training: the loop, its configuration, input, checkpoints and history, and the TFX components."""
