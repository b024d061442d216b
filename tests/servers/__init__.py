"""Real servers for the tests, without Docker: databases in three editions, and MQTT brokers."""
