"""Measures time and memory of a training step, ours and those of other XLNet implementations.

Run it with `python -m benchmarks.train_step --peer hugging_face=PYTHON …`. Each contestant is a
script in this folder, which runs in the interpreter of an environment of its own.
"""
