"""What `serving_default` does to the texts before they are tokenized."""

import numpy as np
import pytest
import tensorflow as tf

from components.export import text_model
from components.export.text_model import TextModel
from components.modeling.classification import ClassificationModel

SEQ_LEN = 16
# The replacements of IMDB and Yelp, and what is special in patterns and in their new texts.
REPLACEMENTS = [
    [("<br />", " ")],
    [('""', '"'), ('\\"', '"')],
    [("a.c", "\\0\\1\\")],
    [("a", "aa"), ("aa", "b")],
    [("\\n", "\n"), ("\t", "(?i)")],
    [("é", "e"), ("[ü]$", "^")],
]
TEXTS = ["", "one<br />two<br /><br />", '""""\\" ""', "a.c abc a", "\\n\n\t", "é[ü]$ü日本", "aaa"]


@pytest.mark.parametrize("replacements", REPLACEMENTS)
def test_texts_are_replaced_as_python_does(replacements):
    expected = []
    for text in TEXTS:
        for old, new in replacements:
            text = text.replace(old, new)
        expected.append(text.encode())
    assert expected != [text.encode() for text in TEXTS]
    found = text_model.replaced(tf.constant([TEXTS, TEXTS]), replacements)
    assert found.numpy().tolist() == [expected, expected]


class _BytesAsIds:
    """In place of a Transform graph: a token is a byte of the first text."""

    def transform_features_layer(self):
        def transform(features):
            codes = tf.io.decode_raw(features["text_a"], tf.uint8, fixed_length=SEQ_LEN)
            return {
                "input_ids": tf.cast(codes, tf.int32),
                "segment_ids": tf.zeros_like(codes, tf.int32),
                "input_mask": tf.zeros_like(codes, tf.float32),
            }

        return transform

    def raw_feature_spec(self):
        text = tf.io.FixedLenFeature([], tf.string)
        return {"text_a": text, "text_b": text}


def test_the_saved_model_replaces_in_plain_texts(tiny_model, tiny_options, tmp_path):
    module = TextModel(
        model=ClassificationModel(tiny_model, tiny_options, 2),
        transform_output=_BytesAsIds(),
        labels=["a", "b"],
        seq_len=SEQ_LEN,
        replacements=(("<br />", " "), ("<q>", '"')),
    )
    text = tf.TensorSpec([None], tf.string)
    function = module.serve_texts.get_concrete_function(text_a=text, text_b=text)
    tf.saved_model.save(module, str(tmp_path), signatures=function)
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    texts = ["so<br /><q>good<q>", 'so "good"', "so bad"]
    found = loaded(text_a=tf.constant(texts), text_b=tf.constant([""] * 3))["scores"].numpy()
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    assert np.abs(found[0] - found[2]).max() > 1e-4
