"""Compiles training steps with the TPU's own compiler: ours, and the Model Garden's.

Run it with `python -m benchmarks.tpu_program --peer model_garden=PYTHON` after
`make preflight-tools`.
"""
