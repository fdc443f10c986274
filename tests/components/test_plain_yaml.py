import time

import pytest
import yaml

from components import plain_yaml
from components.configuration import ConfigurationError


def test_plain_values_are_read_as_yaml_says():
    text = "a: [1, 2.5, true, null, x]\nb: &x {c: 'y', d: 0x10}\ne: *x\nf: {<<: *x, c: z}\n"
    assert plain_yaml.load(text, where="x") == yaml.safe_load(text)
    assert plain_yaml.load(text.encode("utf-16"), where="x") == yaml.safe_load(text)
    assert plain_yaml.load('{"a": [1, "b"]}', where="x") == {"a": [1, "b"]}
    assert plain_yaml.load(b"", where="x") is None


def test_exponents_need_neither_point_nor_sign():
    # YAML 1.1 reads all of these as text.
    assert plain_yaml.load("[1e-5, 1.5e5, -2E3, .5e1]", where="x") == [1e-5, 1.5e5, -2e3, 5.0]
    assert plain_yaml.load("[e5, 1e, 1e5x, '1e5']", where="x") == ["e5", "1e", "1e5x", "1e5"]


def test_what_would_be_a_date_is_text():
    text = "[2001-01-01, 2001-99-99, 2001-01-01T00:00:00Z, =]"
    assert plain_yaml.load(text, where="x") == [
        "2001-01-01",
        "2001-99-99",
        "2001-01-01T00:00:00Z",
        "=",
    ]


def references(first, item, levels):
    """Nine references to the level above, on each level."""
    lines = [f"a0: &a0 {first}"]
    for level in range(1, levels):
        nine = ",".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} " + item.replace("NINE", nine))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (references("[x, x]", "[NINE]", 10), r"line \d means by its references has more than"),
        (references("{x: 1}", "{<<: [NINE]}", 10), r"line \d means by its references"),
        ("a: &a [*a]", "line 1 has an anchor that refers to itself"),
        ("&a {b: {c: *a}}", "refers to itself"),
        ("[" * 10_000, "nested more than 40 deep"),
        ("{a: " * 1000, "nested more than 40 deep"),
        ("a: [" + "1," * 30_000 + "]", "more than 20,000 values"),
        ("a: " + "9" * 5000, "line 1 has a number of 5,000 characters"),
        ("a: 0x_", "invalid literal"),
        ("a: 1\n---\nb: 2", "single document"),
        ("a: 1\nb: {c: 1}\na: 2", r"line 3: the key 'a' is there twice \(first on line 1\)"),
        ("a: {b: 1, b: 1}", r"line 1: the key 'b' is there twice"),
        ("? [a]\n: 1", "unhashable"),
        (b"\xff\xfe\0", "truncated data"),
        (b"a: \xff", "invalid start byte"),
        ("a: !!set {b}", "line 1 has the tag 'tag:yaml.org,2002:set'; values stand as they are"),
        ("a: !!binary aGk=", "has the tag"),
        ("a: !!int x", "has the tag"),
        ("a: !!timestamp 2001-99-99", "has the tag"),
        ("a: !!python/tuple [1]", "has the tag"),
        ("a: !mine 1", "has the tag '!mine'"),
    ],
)
def test_what_is_no_configuration_is_one_error_and_soon(text, message):
    begin = time.process_time()
    with pytest.raises(ConfigurationError, match=f"(?s)my.yaml is not valid YAML: .*{message}"):
        plain_yaml.load(text, where="my.yaml")
    assert time.process_time() - begin < 10
