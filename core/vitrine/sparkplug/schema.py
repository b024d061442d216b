"""The Sparkplug B protobuf message, described from the field numbers of the specification (section 6.4.1).

proto2: every scalar is optional, so that its presence is on the wire; ``seq = 0`` is written out.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
    "float": _Field.TYPE_FLOAT,
    "double": _Field.TYPE_DOUBLE,
    "bool": _Field.TYPE_BOOL,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}
_PACKAGE = "org.eclipse.tahu.protobuf"

# One line a message: path, then "name=number type"; "*" repeated, "|" member of the oneof `value`.
_MESSAGES = """
Payload: timestamp=1 uint64, metrics=2 *Payload.Metric, seq=3 uint64, uuid=4 string, body=5 bytes
Payload.Template: version=1 string, metrics=2 *Payload.Metric, parameters=3 *Payload.Template.Parameter, \
template_ref=4 string, is_definition=5 bool
Payload.Template.Parameter: name=1 string, type=2 uint32, int_value=3 |uint32, long_value=4 |uint64, \
float_value=5 |float, double_value=6 |double, boolean_value=7 |bool, string_value=8 |string
Payload.DataSet: num_of_columns=1 uint64, columns=2 *string, types=3 *uint32, rows=4 *Payload.DataSet.Row
Payload.DataSet.DataSetValue: int_value=1 |uint32, long_value=2 |uint64, float_value=3 |float, \
double_value=4 |double, boolean_value=5 |bool, string_value=6 |string
Payload.DataSet.Row: elements=1 *Payload.DataSet.DataSetValue
Payload.PropertyValue: type=1 uint32, is_null=2 bool, int_value=3 |uint32, long_value=4 |uint64, \
float_value=5 |float, double_value=6 |double, boolean_value=7 |bool, string_value=8 |string, \
propertyset_value=9 |Payload.PropertySet, propertysets_value=10 |Payload.PropertySetList
Payload.PropertySet: keys=1 *string, values=2 *Payload.PropertyValue
Payload.PropertySetList: propertyset=1 *Payload.PropertySet
Payload.MetaData: is_multi_part=1 bool, content_type=2 string, size=3 uint64, seq=4 uint64, file_name=5 string, \
file_type=6 string, md5=7 string, description=8 string
Payload.Metric: name=1 string, alias=2 uint64, timestamp=3 uint64, datatype=4 uint32, is_historical=5 bool, \
is_transient=6 bool, is_null=7 bool, metadata=8 Payload.MetaData, properties=9 Payload.PropertySet, \
int_value=10 |uint32, long_value=11 |uint64, float_value=12 |float, double_value=13 |double, \
boolean_value=14 |bool, string_value=15 |string, bytes_value=16 |bytes, dataset_value=17 |Payload.DataSet, \
template_value=18 |Payload.Template
"""


def _build() -> dict[str, descriptor_pb2.DescriptorProto]:
    messages: dict[str, descriptor_pb2.DescriptorProto] = {}
    for line in _MESSAGES.strip().splitlines():
        path, _, fields = line.partition(": ")
        parent, _, name = path.rpartition(".")
        message = messages[parent].nested_type.add() if parent else descriptor_pb2.DescriptorProto()
        message.name = name
        messages[path] = message
        for text in fields.split(", "):
            _add_field(message, *text.split(" "))
    return messages


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, kind: str) -> None:
    name, _, number = name.partition("=")
    field = message.field.add(name=name, number=int(number))
    field.label = _Field.LABEL_REPEATED if kind[0] == "*" else _Field.LABEL_OPTIONAL
    if kind[0] == "|":
        if not message.oneof_decl:
            message.oneof_decl.add(name="value")
        field.oneof_index = 0
    kind = kind.lstrip("*|")
    if kind in _TYPES:
        field.type = _TYPES[kind]
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"


def _payload_class() -> type[Any]:
    file = descriptor_pb2.FileDescriptorProto(name="vitrine/sparkplug_b.proto", package=_PACKAGE, syntax="proto2")
    file.message_type.append(_build()["Payload"])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))


#: Class of the protobuf message ``Payload``.
PayloadMessage = _payload_class()
