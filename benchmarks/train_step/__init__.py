"""Time and memory of a training step, ours beside those of other XLNet implementations.

`python -m benchmarks.train_step --peer hugging_face=PYTHON …`; a peer's interpreter belongs
to an environment of its own.
"""
