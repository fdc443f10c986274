"""The TPU's own compiler, libtpu's, on a machine that has no TPU.

libtpu and the JAX that reaches its ahead-of-time compilation live in an environment of their own
(`make preflight-tools`), because TensorFlow brings its own libraries of the same names. A program
and a request go there as files, and an answer in JSON comes back.
"""
