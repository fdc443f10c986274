"""The errors that reading or converting weights can raise."""

from __future__ import annotations


class WeightsError(ValueError):
    """Weights are missing, unexpected, damaged, or of the wrong shape."""


class UnsafePickleError(WeightsError):
    """A PyTorch file asks for something other than tensors; none of it has been executed."""
