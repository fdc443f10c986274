"""Reads YAML that people write, in bounded time and memory; only plain values, no tags.

PyYAML's safe loader prevents the execution of code, but does not limit size: with aliases that
refer to other aliases, a single page can stand for more values than fit into memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from components.configuration import ConfigurationError

# For comparison: the largest preset has 250 values, nested 4 levels deep.
_MAX_VALUES = 20_000
_MAX_DEPTH = 40
# The largest number of digits in a number; Python reads long integers in quadratic time, or not at
# all.
_MAX_DIGITS = 100
_FLOAT_TAG = "tag:yaml.org,2002:float"
_NUMBERS = ("tag:yaml.org,2002:int", _FLOAT_TAG)
# Values that YAML 1.1 reads as dates or as the special value "=" are kept as text, because no
# setting takes either.
_TEXT_TO_US = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")


def load(content: bytes | str, *, where: str) -> Any:
    """Parses a YAML document, from a file or a command-line option.

    Args:
        content: the document in YAML, or in JSON, which is a subset of it.
        where: name of the document, for error messages.

    Raises:
        ConfigurationError: if it is not valid YAML, has tags or the same key twice, or is larger
            than any configuration needs to be.
    """
    try:
        loader = _Loader(content)
        try:
            root = loader.get_single_node()
            _check_size(root)
            return None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(f"{where} is not valid YAML: {error}") from error


# YAML 1.1 reads 1e-5 and 1.5e5 as text: it wants a point and a sign. YAML 1.2 and people do not.
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: Mapping[str, list[tuple[str, Any]]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _TEXT_TO_US]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, content: bytes | str) -> None:
        super().__init__(content)
        self._depth = 0
        self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        """Does what PyYAML does, but refuses tags and enforces the limits on depth and size."""
        event = self.peek_event()
        line = event.start_mark.line + 1
        if getattr(event, "tag", None) is not None:
            raise yaml.YAMLError(
                f"line {line} has the tag {event.tag!r}; values stand as they are, without tags."
            )
        self._depth += 1
        self._values += 1
        if self._depth > _MAX_DEPTH:
            raise yaml.YAMLError(f"line {line} is nested more than {_MAX_DEPTH} deep.")
        if self._values > _MAX_VALUES:
            raise yaml.YAMLError(f"it has more than {_MAX_VALUES:,} values, from line {line} on.")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node.tag in _NUMBERS and len(node.value) > _MAX_DIGITS:
            raise yaml.YAMLError(f"line {line} has a number of {len(node.value):,} characters.")
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
        return node


_Loader.add_implicit_resolver(_FLOAT_TAG, _FLOAT, list("-+.0123456789"))


def _check_keys(node: yaml.MappingNode) -> None:
    """Refuses a repeated key, of whose values PyYAML would keep the last alone."""
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in lines:
            raise yaml.YAMLError(
                f"line {line}: the key {key.value[:_MAX_DIGITS]!r} is there twice (first on line "
                f"{lines[key.value]}); write everything that belongs to it under one of them."
            )
        lines[key.value] = line


def _check_size(root: yaml.Node | None) -> None:
    """Checks how many values the document has when every alias is expanded.

    Raises:
        yaml.YAMLError: if there are too many values, or an anchor contains an alias of itself.
    """
    sizes: dict[int, int] = {}

    def size(node: yaml.Node | None) -> int:
        if node is None or isinstance(node, yaml.ScalarNode):
            return 1
        if id(node) in sizes:
            if not sizes[id(node)]:
                raise yaml.YAMLError(
                    f"line {node.start_mark.line + 1} has an anchor that refers to itself."
                )
            return sizes[id(node)]
        sizes[id(node)] = 0
        children = node.value
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in node.value for part in pair]
        sizes[id(node)] = 1 + sum(map(size, children))
        if sizes[id(node)] > _MAX_VALUES:
            raise yaml.YAMLError(
                f"what line {node.start_mark.line + 1} means by its references has more than "
                f"{_MAX_VALUES:,} values."
            )
        return sizes[id(node)]

    size(root)
