"""Sparkplug B 3.0: topics, data types and payloads, without any transport.

Source: Eclipse Sparkplug Specification 3.0.0, chapters 4 (topics), 6 (payloads).
"""

from vitrine.sparkplug.data import data_payload, double_metric, int64_metric, string_metric
from vitrine.sparkplug.payload import DataType, Metric, Payload, PropertyValue, decode, encode
from vitrine.sparkplug.topics import Message, Topic, state_topic

__all__ = [
    "DataType",
    "Message",
    "Metric",
    "Payload",
    "PropertyValue",
    "Topic",
    "data_payload",
    "decode",
    "double_metric",
    "encode",
    "int64_metric",
    "state_topic",
    "string_metric",
]
