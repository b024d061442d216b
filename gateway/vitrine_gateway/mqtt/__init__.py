"""Sensors that publish JSON over MQTT."""
