"""Measures our training step beside Hugging Face's on a machine with a GPU.

`python -m benchmarks.accelerator_step --to FILE` packs our step, exported as an XLA program, and
all that is needed to run both into one file. There, `python FILE` runs it.
"""
