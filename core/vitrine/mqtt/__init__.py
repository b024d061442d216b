"""Sensors that publish JSON over MQTT, in the words that gateway and collector share: topics, paths, times, values."""
