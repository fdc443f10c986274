import dataclasses
from typing import Literal

import pytest
import yaml

from components import configuration
from components.configuration import ConfigurationError, Share


@dataclasses.dataclass(frozen=True)
class Inner:
    size: int
    rate: Share = 0.5

    def __post_init__(self):
        if self.size < 0:
            raise ValueError(f"size must not be negative, but is {self.size}")


@dataclasses.dataclass(frozen=True)
class Outer:
    inner: Inner
    mode: Literal["a", "b"] = "a"
    names: tuple[str, ...] = ()
    table: dict[str, Inner] | None = None
    switch: bool | Literal["auto"] = "auto"


def test_build_fills_in_nested_values_and_gives_them_back():
    values = {
        "inner": {"size": 3, "rate": 1},
        "mode": "b",
        "names": ["x", "y"],
        "table": {"k": {"size": 1, "rate": 0.25}},
        "switch": True,
    }
    built = configuration.build(Outer, values)
    assert built == Outer(
        inner=Inner(3, 1.0),
        mode="b",
        names=("x", "y"),
        table={"k": Inner(1, 0.25)},
        switch=True,
    )
    assert configuration.build(Outer, configuration.to_plain(built)) == built
    assert configuration.from_json(Outer, configuration.to_json(built)) == built


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400])
def test_what_cannot_be_computed_with_is_no_number(value):
    with pytest.raises(ConfigurationError, match=r"c\.rate must be a finite number, but is"):
        configuration.build(Inner, {"size": 1, "rate": value}, where="c")
    with pytest.raises(ConfigurationError, match=r"c\.outer\.1 must be a finite number"):
        configuration.build(_Optional, {"outer": {"1": value}}, where="c")


@dataclasses.dataclass(frozen=True)
class _Optional:
    outer: dict[str, float | None]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"inner": {"sise": 3}}, r"configuration.inner has no key 'sise'. Did you mean 'size'"),
        ({}, "configuration lacks inner"),
        ({"inner": {"size": "3"}}, r"configuration.inner.size should be of type int, but is '3'"),
        ({"inner": {"size": True}}, "should be of type int, but is True"),
        ({"inner": {"size": -1}}, "configuration.inner: size must not be negative, but is -1"),
        ({"inner": {"size": 1}, "mode": "c"}, r"mode is 'c'; legal values are 'a', 'b'"),
        ({"inner": {"size": 1}, "names": "xy"}, "names should be a list, but is 'xy'"),
        ({"inner": {"size": 1}, "table": {"k": 3}}, r"configuration.table.k should be a mapping"),
        ({"inner": {"size": 1}, "switch": "on"}, "legal values are 'auto', true, false"),
        ({"inner": {"size": 1, "rate": 2}}, "configuration.inner.rate must be at most 1, but is 2"),
    ],
)
def test_errors_name_the_place_the_value_and_what_is_legal(values, message):
    with pytest.raises(ConfigurationError, match=message):
        configuration.build(Outer, values)


def test_a_long_key_is_shown_by_its_beginning():
    with pytest.raises(ConfigurationError, match=r"no key 'xxxxx.*x…'") as error:
        configuration.build(Outer, {"inner": {"size": 1, "x" * 5000: 1}, "y" * 5000: 1})
    assert len(str(error.value)) < 600


def test_a_message_that_quotes_a_long_value_is_cut():
    with pytest.raises(ConfigurationError, match=r"but is -1.*…$") as error:
        configuration.build(Inner, {"size": -(10**3000)})
    assert len(str(error.value)) < 1100


def test_a_value_that_is_nested_too_deeply_is_an_error():
    value = 1
    for _ in range(5000):
        value = [value]
    with pytest.raises(ConfigurationError, match="nested more than 64 deep"):
        configuration.build(Outer, {"names": value}, where="c")


@pytest.mark.parametrize("values", [{"names": ["\ud800"]}, {"table": {"\ud800": 1}}])
def test_half_a_character_is_no_text(values):
    with pytest.raises(ConfigurationError, match=r"c\.\S+ is no text: 'utf-8' codec"):
        configuration.build(Outer, {"inner": {"size": 1}} | values, where="c")


def test_broken_json_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match="settings is not valid JSON"):
        configuration.from_json(Inner, "{", where="settings")


@dataclasses.dataclass(frozen=True)
class _Labels:
    labels: tuple[str | int, ...]


def test_words_that_yaml_takes_for_something_else_are_explained():
    with pytest.raises(ConfigurationError, match=r"labels\[0\] should be of type str.*False"):
        configuration.build(_Labels, yaml.safe_load("labels: [no, yes]"), where="data")
    with pytest.raises(ConfigurationError, match="put them in quotes"):
        configuration.build(_Labels, yaml.safe_load("labels: [no, yes]"), where="data")
    found = configuration.build(_Labels, yaml.safe_load("labels: ['no', 1]"), where="data")
    assert found.labels == ("no", 1)


def test_all_errors_of_a_document_are_reported_together_but_no_more_than_ten():
    values = {"inner": {"size": "3", "rate": 2, "colour": "red"}, "mode": "c"}
    with pytest.raises(ConfigurationError) as raised:
        configuration.build(Outer, values, where="file")
    assert str(raised.value) == (
        "4 settings are wrong:\n"
        "  file.inner.size should be of type int, but is '3' (str).\n"
        "  file.inner.rate must be at most 1, but is 2.\n"
        "  file.inner has no key 'colour'. The keys are: rate, size.\n"
        "  file.mode is 'c'; legal values are 'a', 'b'."
    )
    table = {str(number): {} for number in range(12)}
    with pytest.raises(ConfigurationError, match=r"(?s)12 settings.*table\.9.*and 2 more\.$"):
        configuration.build(Outer, {"inner": {"size": 1}, "table": table})
