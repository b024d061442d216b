"""Simulated installations that speak real Modbus and MQTT, generated from the gateway's own device profiles."""
