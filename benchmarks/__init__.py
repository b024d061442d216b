"""Measured ratios: `python -m benchmarks NAME… --json FILE`, each module with `run() -> list[Result]`."""
