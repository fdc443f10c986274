"""Hugging Face's XLNet, compiled by torch.compile; see `peer_hugging_face`."""

from __future__ import annotations

import functools

import contestant
import torch
from peer_hugging_face import make

if __name__ == "__main__":
    contestant.main(functools.partial(make, compiled=torch.compile))
