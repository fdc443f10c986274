"""YAML that people write, read in bounded time and memory: plain values, no tags.

PyYAML's safe loader is safe from code, not from size: a page of references to references stands for
more values than a machine has memory for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from components.configuration import ConfigurationError

# The largest preset has 250 values, 4 deep.
_MAX_VALUES = 20_000
_MAX_DEPTH = 40
# Of a number. Python reads integers in quadratic time, or refuses.
_MAX_DIGITS = 100
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
# Dates would be no values that a configuration has, and "=" none at all.
_TEXT_TO_US = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")


def load(content: bytes | str, *, where: str) -> Any:
    """The document in a file or an option.

    Args:
        content: YAML, or JSON, which is a part of it.
        where: what it is called, for messages.

    Raises:
        ConfigurationError: if it is not YAML, has tags, or is larger than any configuration.
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
        """As PyYAML's, but within limits."""
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
        return node


def _check_size(root: yaml.Node | None) -> None:
    """References count as often as they are used.

    Raises:
        yaml.YAMLError: if all of them together are too large, or one is inside of what it means.
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
