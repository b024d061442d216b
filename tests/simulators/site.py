"""An example installation seen as its evaluator sees it: values of its indicators over the model's history."""

from pathlib import Path

import numpy as np

from vitrine.installation_file import load
from vitrine_evaluation.evaluate import evaluate
from vitrine_evaluation.formula import examine
from vitrine_evaluation.minutes import Minutes
from vitrine_gateway.profiles import load as profile
from vitrine_simulators.binding import history, plant_of

EXAMPLES = Path(__file__).parents[2] / "examples"


def indicators(stem, begin, count, period="day", seed=1, step_s=60.0):
    """Return the values of each indicator over `count` hours or days from `begin` (seconds, whole minutes)."""
    installation = load(EXAMPLES / f"{stem}.toml")
    length = {"hour": 3600.0, "day": 86_400.0}[period]
    first, last = begin - 0.3 * length, begin + count * length
    values = history(installation, plant_of(installation, seed), first + step_s / 2, last, step_s)
    times = (np.arange(first + step_s / 2, last, step_s) * 1e6).astype(np.int64)
    minutes = {path: Minutes.of(times, value, np.ones(len(value), dtype=np.int64)) for path, value in values.items()}
    units = {
        f"{device.key}/{channel.key}": channel.unit or _unit(installation, device, channel.key)
        for device in installation.devices
        for channel in device.channels
    }
    found = {}
    for indicator in installation.indicators:
        formula, problems = examine(indicator, units)
        assert not problems
        series = {name: minutes[path] for name, path in indicator.inputs.items()}
        found[indicator.key] = evaluate(formula, series, period, int(begin // 60), count).value
    return found


def _unit(installation, device, key):
    return profile(device.profile, Path(installation.path).parent).channel(key).unit
