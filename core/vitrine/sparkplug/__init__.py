"""Sparkplug B 3.0: topics, data types and payloads, without any transport.

Source: Eclipse Sparkplug Specification 3.0.0, chapters 4 (topics), 6 (payloads).
"""

from vitrine.sparkplug.payload import DataType, Metric, Payload, PropertyValue, decode, encode
from vitrine.sparkplug.topics import Message, Topic, state_topic

__all__ = ["DataType", "Message", "Metric", "Payload", "PropertyValue", "Topic", "decode", "encode", "state_topic"]
