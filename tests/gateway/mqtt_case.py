"""Golden cases of MQTT profiles: one message of a sensor, as an installation would hear it."""

import tempfile
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from vitrine_gateway.mqtt.home_assistant_sensor import HomeAssistantSensor
from vitrine_gateway.mqtt.sensor import Message, Sensor
from vitrine_gateway.reading import Sample

from .sites import device, site

#: 2026-03-02 12:00 in Toronto.
NOON = 1_772_470_800.0


def mqtt_sample(profile: str, case: dict[str, Any]) -> Sample:
    names = ", ".join(f'{name} = "{value}"' for name, value in case.get("names", {}).items())
    topic, zone = case.get("main", case.get("topic", "sensor")), case.get("zone", "")
    keys = f'host = "127.0.0.1", topic = "{topic}", names = {{ {names} }}' + (f', zone = "{zone}"' if zone else "")
    text = files("vitrine_gateway.profiles").joinpath(f"{profile}.toml").read_text(encoding="utf-8")
    chosen = "".join(f'[[device.channel]]\nkey = "{one["key"]}"\n' for one in tomllib.loads(text)["channel"])
    with tempfile.TemporaryDirectory() as folder:
        one = device("one", f'{{ transport = "mqtt", {keys} }}', profile=profile, every="10 s", more=chosen)
        place = site(Path(folder), one).devices[0]
    kind = HomeAssistantSensor if place.profile.mqtt.dialect == "home-assistant" else Sensor
    sensor = kind(place, 100.0)
    for before in case.get("before", ()):
        sensor.take(Message(before["topic"], before["message"].encode(), 100.5, NOON, retained=True))
    sample = sensor.take(Message(case.get("topic", topic), case["message"].encode(), 101.0, NOON))
    assert sample
    return sample
