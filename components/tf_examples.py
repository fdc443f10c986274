"""Encodes and decodes tf.train.Examples without TensorFlow.

Beam workers use this, because importing TensorFlow takes a worker process 15 s or more, and nothing
in it is needed to make a record. The protobuf messages are declared here as in TensorFlow's
`core/example/feature.proto` and `example.proto`, which cannot change. They are in a descriptor pool
of their own, so that they do not clash with TensorFlow's messages of the same names in the default
pool.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

# Protobuf in C++ stops at the end of a group that never began, and only warns; `decode` raises.
warnings.filterwarnings("ignore", "Unexpected end-group tag", RuntimeWarning)

FeatureValues = Sequence[bytes] | Sequence[int] | Sequence[float]

_Field = descriptor_pb2.FieldDescriptorProto
# For each kind of value: name of the list in `Feature`, name of its message, and type of its
# values. The field number is the position in this table, counted from 1.
_KINDS = (
    ("bytes_list", "BytesList", _Field.TYPE_BYTES),
    ("float_list", "FloatList", _Field.TYPE_FLOAT),
    ("int64_list", "Int64List", _Field.TYPE_INT64),
)


def encode(features: Mapping[str, FeatureValues]) -> bytes:
    """Serializes features as a tf.train.Example; equal features give equal bytes.

    Args:
        features: values by feature name. The type of the first value decides the list that they go
            into: bytes, int (int64) or float (float32). The caller must encode text. An empty
            sequence gives a feature without a kind, which every parser reads as missing.

    Raises:
        TypeError: if a value has another type, or a type different from that of the first value.
    """
    example = _Example()
    by_name = example.features.feature
    for name, values in features.items():
        feature = by_name[name]
        if len(values) == 0:
            continue
        first = values[0]
        if isinstance(first, bytes):
            target = feature.bytes_list.value
        elif isinstance(first, float):
            target = feature.float_list.value
        elif isinstance(first, int):
            target = feature.int64_list.value
        else:
            raise TypeError(
                f"Feature {name!r} holds {type(first).__name__}; legal are bytes, int and float "
                "(encode text, and turn numpy arrays into lists with .tolist())."
            )
        try:
            target.extend(values)
        except TypeError as error:
            raise TypeError(f"Feature {name!r}: {error}") from error
    return example.SerializeToString(deterministic=True)


def decode(serialized: bytes) -> dict[str, list[bytes] | list[int] | list[float]]:
    """Parses a tf.train.Example.

    Returns:
        Values by feature name, sorted by name; a feature without a kind gives an empty list.

    Raises:
        google.protobuf.message.DecodeError: if the bytes are not a tf.train.Example.
    """
    example = _Example()
    parsed = example.MergeFromString(serialized)
    if parsed != len(serialized):
        raise message.DecodeError(f"only {parsed:,} of {len(serialized):,} bytes could be parsed")
    values = {}
    for name in sorted(example.features.feature):
        feature = example.features.feature[name]
        kind = feature.WhichOneof("kind")
        values[name] = list(getattr(feature, kind).value) if kind else []
    return values


def _make_example_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="components/example.proto", package="tensorflow", syntax="proto3"
    )
    feature = descriptor_pb2.DescriptorProto(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (list_name, message_name, value_type) in enumerate(_KINDS, start=1):
        file.message_type.add(name=message_name).field.add(
            name="value", number=1, label=_Field.LABEL_REPEATED, type=value_type
        )
        feature.field.add(
            name=list_name,
            number=number,
            label=_Field.LABEL_OPTIONAL,
            type=_Field.TYPE_MESSAGE,
            type_name=f".tensorflow.{message_name}",
            oneof_index=0,
        )
    file.message_type.append(feature)
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_STRING)
    _add_message_field(entry, "value", 2, "Feature")
    _add_message_field(features, "feature", 1, "Features.FeatureEntry", repeated=True)
    _add_message_field(file.message_type.add(name="Example"), "features", 1, "Features")

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    descriptor = pool.FindMessageTypeByName("tensorflow.Example")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    # protobuf 3.20 only has this older function, which protobuf 5 removed.
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


def _add_message_field(
    message: descriptor_pb2.DescriptorProto,
    name: str,
    number: int,
    type_name: str,
    *,
    repeated: bool = False,
) -> None:
    message.field.add(
        name=name,
        number=number,
        label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
        type=_Field.TYPE_MESSAGE,
        type_name=f".tensorflow.{type_name}",
    )


_Example = _make_example_class()
