"""Health of the gateway: what it knows of itself and of its machine, and who is told."""
