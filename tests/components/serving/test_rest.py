import json

import numpy as np
import pytest
import tensorflow as tf

from components.export.input_columns import InputColumns
from components.serving import rest
from components.serving.pushed_model import Signature
from components.serving.rest import Limits, RequestError

TEXT = tf.TensorSpec([None], tf.string)
SIGNATURES = {
    "serving_default": Signature({"text_a": TEXT, "text_b": TEXT}, {"scores": TEXT}),
    "examples": Signature({"examples": TEXT}, {"scores": TEXT}),
    "ids": Signature({"ids": tf.TensorSpec([None, 2], tf.int32)}, {}),
    "choice": Signature(
        {"text_a": TEXT, "options": tf.TensorSpec([None, 2], tf.string)}, {"scores": TEXT}
    ),
    "mask": Signature({"mask": tf.TensorSpec([None], tf.float32)}, {}),
}
LIMITS = Limits(max_rows=3, max_text_bytes=10)


def parse(content):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    columns = InputColumns(replacements=(("<br />", " "),), replaced_in_graph=True)
    return rest.parse(body, SIGNATURES, LIMITS, columns)


def test_rows_and_columns_are_two_ways_to_say_the_same():
    rows = [{"text_a": "é", "text_b": ""}, {"text_a": "x", "text_b": "y"}]
    by_row = parse({"instances": rows})
    by_column = parse({"inputs": {"text_a": ["é", "x"], "text_b": ["", "y"]}})
    assert by_row.by_row
    assert not by_column.by_row
    for request in (by_row, by_column):
        assert request.num_rows == 2
        assert request.inputs["text_a"].tolist() == ["é".encode(), b"x"]
        assert request.inputs["text_b"].tolist() == [b"", b"y"]


def test_a_single_input_needs_no_name_and_bytes_travel_as_base64():
    for content in ({"instances": [{"b64": "AP8="}]}, {"inputs": [{"b64": "AP8="}]}):
        request = parse({"signature_name": "examples", **content})
        assert request.inputs["examples"].tolist() == [b"\x00\xff"]
    # TF Serving's default is the empty name.
    request = parse({"signature_name": "", "instances": [{"text_a": "x", "text_b": ""}]})
    assert request.signature == "serving_default"
    request = parse({"signature_name": "ids", "instances": [[1, 2], [3, 4]]})
    assert request.inputs["ids"].dtype == np.int32
    request = parse({"signature_name": "mask", "instances": [1, 0.5]})
    assert request.inputs["mask"].tolist() == [1, 0.5]


def test_a_second_text_may_be_left_out():
    for content in (
        {"instances": [{"text_a": "x"}, {"text_a": "y", "text_b": "z"}]},
        {"inputs": {"text_a": ["x", "y"], "text_b": ["", "z"]}},
    ):
        request = parse(content)
        assert request.inputs["text_a"].tolist() == [b"x", b"y"]
        assert request.inputs["text_b"].tolist() == [b"", b"z"]
    # As in files, null stands for none.
    request = parse({"instances": [{"text_a": "x", "text_b": None}]})
    assert request.inputs["text_b"].tolist() == [b""]
    assert parse({"inputs": {"text_a": ["x", "y"]}}).inputs["text_b"].tolist() == [b"", b""]


def test_options_are_lists_of_texts():
    request = parse(
        {"signature_name": "choice", "instances": [{"text_a": "x", "options": ["é", "b"]}] * 2}
    )
    assert request.inputs["options"].tolist() == [["é".encode(), b"b"]] * 2
    assert SIGNATURES["choice"].takes_text


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["a"], "options of row 0 should be a list of 2 texts, not 1"),
        ("ab", "options of row 0 should be a list of 2 texts, not str"),
        (["a", 1], "options of row 0 should be text"),
        (["a", ""], "options of row 0: empty text"),
        (["a", "b" * 11], "options of row 0: 11 bytes"),
    ],
)
def test_other_options_are_refused(options, reason):
    with pytest.raises(RequestError, match=reason):
        parse({"signature_name": "choice", "inputs": {"text_a": ["x"], "options": [options]}})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b'{"instances": [', "not JSON"),
        (b"\xff\xfe\x00garbage", "not UTF-8 from byte 0"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"inputs": {"text_a": [NaN], "text_b": ["x"]}}', "NaN is not a number"),
        ([1], "should be a JSON object"),
        ({}, "either"),
        ({"instances": [], "inputs": {}}, "either"),
        ({"instances": [], "rows": 1}, "unknown keys"),
        ({"instances": []}, "1 to 3 rows, not 0"),
        ({"instances": [{"text_a": "x", "text_b": ""}] * 4}, "1 to 3 rows, not 4"),
        ({"instances": "x"}, "should be a list"),
        ({"instances": ["x"]}, r"row 0 .* object with \['text_a', 'text_b'\], not str"),
        ({"instances": [{"text_b": "x"}]}, "row 0 of instances"),
        ({"instances": [{"text_a": "x", "text_c": "y"}]}, "row 0 of instances"),
        ({"inputs": {"text_b": ["x"]}}, r'"inputs" should be an object'),
        ({"inputs": {"text_a": "x", "text_b": "y"}}, "text_a should be a list"),
        ({"inputs": {"text_a": ["x"], "text_b": ["y", "z"]}}, "different numbers of rows"),
        ({"instances": [{"text_a": 7, "text_b": ""}]}, "text_a of row 0 should be text.* not int"),
        ({"instances": [{"text_a": None, "text_b": ""}]}, "not NoneType"),
        ({"instances": [{"text_a": " ", "text_b": ""}]}, "text_a of row 0: empty text"),
        ({"instances": [{"text_a": "\u3000"}]}, "text_a of row 0: empty text"),
        ({"instances": [{"text_a": "<br />"}]}, "text_a of row 0: empty text"),
        ({"instances": [{"text_a": "x", "text_b": "a\0b"}]}, "text_b of row 0: NUL character"),
        ({"instances": [{"text_a": "é" * 6, "text_b": ""}]}, "12 bytes; at most 10"),
        ({"instances": [{"text_a": "\ud800", "text_b": ""}]}, "half a surrogate pair"),
        ({"instances": [{"text_a": {"b64": "!"}, "text_b": ""}]}, "not base64"),
        ({"signature_name": "none", "instances": [1]}, "no signature 'none'"),
        ({"signature_name": 7, "instances": [1]}, "no signature 7"),
        ({"signature_name": "ids", "instances": [[1, 2], [3]]}, "different lengths"),
        ({"signature_name": "ids", "instances": [[1, 2, 3]]}, r"shape \(None, 2\), not \(1, 3\)"),
        ({"signature_name": "ids", "instances": [["a", "b"]]}, "int32 values, not text"),
        ({"signature_name": "ids", "instances": [[1.5, 2]]}, "int32 values, not fractions"),
        ({"signature_name": "ids", "instances": [[True, False]]}, "not booleans"),
        ({"signature_name": "ids", "instances": [[True, 2]]}, "not booleans"),
        ({"signature_name": "ids", "instances": [[1, 1 << 40]]}, "outside of int32"),
        ({"signature_name": "ids", "instances": [[1, 1 << 400]]}, "not objects"),
        ({"signature_name": "ids", "instances": [[["a" * 99, 1] * 9] * 9]}, "values, not text"),
        (b'{"instances": ' + b"9" * 5000 + b"}", "integer of 5,000 digits"),
        (b'{"signature_name": ' + b"[" * 500 + b"]" * 500 + b"}", "no signature"),
        (b'{"signature_name": "mask", "instances": [1e999]}', "outside of float32"),
        ({"signature_name": "mask", "instances": [1e300]}, "outside of float32"),
        ({"instances": [{"text_a": {"b64": "//8="}, "text_b": ""}]}, "is not UTF-8 from byte 0"),
    ],
)
def test_what_is_wrong_is_said(content, reason):
    with pytest.raises(RequestError, match=reason):
        parse(content)


def test_long_names_of_inputs_are_shown_by_their_beginning():
    for content in ({"instances": [{"x" * 5000: 1}]}, {"inputs": {"x" * 5000: [1]}}):
        with pytest.raises(RequestError) as error:
            parse(content)
        assert len(str(error.value)) < 300


def test_outputs_have_the_form_of_the_request():
    outputs = {
        "scores": np.array([[0.5, 0.5]], np.float32),
        "label": np.array(["ä".encode()], object),
        "raw_bytes": np.array([b"\xff"], object),
    }
    row = {"scores": [0.5, 0.5], "label": "ä", "raw_bytes": {"b64": "/w=="}}
    assert rest.format_outputs(outputs, by_row=True) == {"predictions": [row]}
    columns = {name: [value] for name, value in row.items()}
    assert rest.format_outputs(outputs, by_row=False) == {"outputs": columns}
    single = {"scores": np.array([1.0, 2.0])}
    assert rest.format_outputs(single, by_row=True) == {"predictions": [1.0, 2.0]}
    assert rest.format_outputs(single, by_row=False) == {"outputs": [1.0, 2.0]}
