"""Run by an interpreter that has `transformers`: what it makes of the folders we export.

    python transformers_peer.py JOBS.json

A job has "folder", "model_class", "inputs" (an npz), "outputs" (an npz to write), "saved" (a folder
that PyTorch is to write), "legacy" (whether in its old format) and "sharded" (a folder for the same
in several files). Imports nothing of this project.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import transformers


def run(job: dict) -> None:
    """Loads a folder, computes, and saves the model again."""
    model_class = getattr(transformers, job["model_class"])
    model, info = model_class.from_pretrained(job["folder"], output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info.get(kind):
            raise SystemExit(f"{job['folder']}: {kind} {info[kind]}")
    model.eval()
    archive = np.load(job["inputs"])
    with torch.no_grad():
        outputs = model(**{name: torch.from_numpy(archive[name]) for name in archive.files})
    arrays = {name: value.numpy() for name, value in outputs.items() if torch.is_tensor(value)}
    np.savez(job["outputs"], **arrays)
    saved = pathlib.Path(job["saved"])
    model.config.save_pretrained(saved)
    torch.save(
        model.state_dict(),
        saved / "pytorch_model.bin",
        _use_new_zipfile_serialization=not job["legacy"],
    )
    # No shard holds more than one of the larger tensors.
    model.save_pretrained(job["sharded"], max_shard_size=1000)


if __name__ == "__main__":
    for one in json.loads(pathlib.Path(sys.argv[1]).read_text()):
        run(one)
