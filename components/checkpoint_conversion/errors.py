"""What is wrong with weights, named."""

from __future__ import annotations


class WeightsError(ValueError):
    """Weights that are missing, left over, damaged, or of another shape."""


class UnsafePickleError(WeightsError):
    """A PyTorch file that asks for more than tensors when it is loaded; none of it was done."""
