"""The reference's SQuAD preprocessing, from JSON to TFRecord, on a sample of the questions.

    PYTHON benchmarks/peer_reference_squad.py DATASET.json SPIECE.model QUESTIONS

squad_preprocessing.py runs this in an environment of its own. `XLNET_REFERENCE_ROOT` names the
folder with the reference's `official/nlp/xlnet/`, in which names that current libraries no longer
have (`np.bool`) must be replaced. The sample takes questions at even distances, so that short and
long paragraphs are as frequent as in the whole file. The result is one line of JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time

import sentencepiece

_ROOT = "XLNET_REFERENCE_ROOT"
_MAX_LENGTH, _STRIDE, _MAX_QUERY_LENGTH = 512, 128, 64


def main() -> None:
    """Converts and writes the sample; prints the numbers of questions and windows, and seconds."""
    dataset, model, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sys.path.insert(0, os.environ[_ROOT])
    from official.nlp.xlnet import squad_utils

    processor = sentencepiece.SentencePieceProcessor()
    processor.Load(model)
    examples = squad_utils.read_squad_examples(dataset, is_training=False)
    sample = examples[:: max(1, len(examples) // count)][:count]
    messages = io.StringIO()
    with tempfile.TemporaryDirectory() as directory:
        started = time.perf_counter()
        writer = squad_utils.FeatureWriter(
            filename=os.path.join(directory, "eval.tf_record"), is_training=False
        )
        with contextlib.redirect_stdout(messages):
            squad_utils.convert_examples_to_features(
                examples=sample,
                sp_model=processor,
                max_seq_length=_MAX_LENGTH,
                doc_stride=_STRIDE,
                max_query_length=_MAX_QUERY_LENGTH,
                is_training=False,
                output_fn=writer.process_feature,
                uncased=False,
            )
        writer.close()
        seconds = time.perf_counter() - started
    print(
        json.dumps({"questions": len(sample), "windows": writer.num_features, "seconds": seconds})
    )


main()
