"""Quality tests after QARTOD: pure functions on arrays, and the same tests on a stream."""

from vitrine_quality.evaluate import evaluate
from vitrine_quality.rules import from_json, stateful, to_json
from vitrine_quality.stream import Correction, Stream

__all__ = ["Correction", "Stream", "evaluate", "from_json", "stateful", "to_json"]
