"""The command `convert`, which converts published or Hugging Face weights to ours, or ours back."""

from __future__ import annotations

import argparse

HELP = "convert published TF1 or Hugging Face weights into ours, or ours into Hugging Face's"
EXAMPLES = """\
  xlnet-pipeline convert xlnet-base-cased weights/xlnet_base --to xlnet
  xlnet-pipeline convert xlnet_cased_L-12_H-768_A-12 exported --to hf
"""

# The same as in components.checkpoint_conversion.convert, which would take seconds to import.
SOURCE_FORMATS = ("auto", "tf1", "hf")
TARGET_FORMATS = ("xlnet", "hf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command to a parser."""
    parser.add_argument(
        "source",
        help="Hugging Face folder (config.json with model.safetensors or pytorch_model.bin, whole "
        "or in shards), "
        "folder with a TF1 checkpoint and xlnet_config.json, or the checkpoint's prefix",
    )
    parser.add_argument("target", help="folder to write")
    parser.add_argument(
        "--from",
        dest="source_format",
        choices=SOURCE_FORMATS,
        default="auto",
        help="format of the source; auto looks at what is there (default)",
    )
    parser.add_argument(
        "--to",
        dest="target_format",
        choices=TARGET_FORMATS,
        required=True,
        help="xlnet: the published layout, for init_from; hf: what transformers loads",
    )
    parser.add_argument(
        "--task-name",
        metavar="NAME",
        help="data set of a Hugging Face head for whole sequences; it becomes part of the "
        "variables' names, as in classification_NAME (default: what config.json says, or task)",
    )
    parser.add_argument(
        "--model-config",
        metavar="FILE",
        help="xlnet_config.json of a TF1 checkpoint, if it does not lie beside it",
    )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="REGEX",
        help="leave out variables of the source whose names match, such as a head that is to be "
        "new; may be repeated",
    )
    parser.add_argument(
        "--vocabulary",
        metavar="FILE",
        help="SentencePiece model of the weights, if it does not lie beside them as spiece.model: "
        "for those that a finished training left, what vocabulary.model was, or the file in "
        "artifacts/SentencePieceGen/model/ of the run",
    )
    parser.add_argument(
        "--fit-vocabulary",
        action="store_true",
        help="leave out embeddings that no piece of the spiece.model beside the weights has: of "
        "tokens that were added to the vocabulary later",
    )
    parser.add_argument(
        "--card",
        metavar="FILE",
        help="model card to put beside the weights, such as the README.md of a pushed model (by "
        "default, --to hf writes one without metrics)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace weights in the target")


def run(options: argparse.Namespace) -> int:
    """Converts the weights and prints a summary; returns the exit status."""
    from components.checkpoint_conversion.convert import convert

    conversion = convert(
        options.source,
        options.target,
        source_format=options.source_format,
        target_format=options.target_format,
        task_name=options.task_name,
        config_path=options.model_config,
        ignore=options.ignore,
        vocabulary_path=options.vocabulary,
        fit_vocabulary=options.fit_vocabulary,
        overwrite=options.overwrite,
        card=options.card,
    )
    rows = {
        "read": f"{conversion.source} ({conversion.source_format})",
        "written": f"{options.target} ({options.target_format})",
        "variables": f"{conversion.variables:,}",
        "parameters": f"{conversion.parameters:,}",
        "heads": conversion.heads.describe(),
        **({"labels": ", ".join(conversion.labels)} if conversion.labels else {}),
        "vocabulary": "copied"
        if conversion.vocabulary
        else "there was none beside the weights; --vocabulary FILE adds it",
    }
    for name, value in rows.items():
        # Labels from JSON can hold half a surrogate pair, which cannot be printed.
        print(f"{name:12} {value.encode('utf-8', 'backslashreplace').decode()}")
    for note in conversion.notes:
        print(f"{'note':12} {note}")
    return 0
