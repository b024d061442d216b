"""The installation of one instrument: what a gateway would need to read a profile's simulated instrument."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vitrine.errors import ConfigurationError
from vitrine_gateway.profiles import Profile, is_path, load
from vitrine_simulators.sensors import open_names

#: Transport as it is asked for → as an installation file names it.
TRANSPORTS = {
    "tcp": "tcp",
    "udp": "udp",
    "rtu-tcp": "rtu_over_tcp",
    "ascii-tcp": "ascii_over_tcp",
    "pty": "rtu",
    "ascii-pty": "ascii",
}
_SERIAL = ("rtu", "ascii")
DEVICE = "simulated"

_HEAD = """\
[installation]
slug = "simulated"
kind = "test_bench"
domain = "water"
name = {{ fr = "Appareil simulé", en = "Simulated instrument" }}
organisation = "simulated"
simulated = true

[gateway]
node = "simulated"
uplink = {{ host = "127.0.0.1", port = 1883, tls = false }}
{device}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the simulated instrument is to be reached."""

    transport: str = "tcp"
    host: str = "127.0.0.1"
    port: int = 5020
    #: Link to the pseudo-terminal.
    link: Path = Path("ttyVitrine")
    baudrate: int = 19_200
    unit: int = 1
    broker_host: str = "127.0.0.1"
    broker_port: int = 1883


def installation_text(name: str, place: Place) -> str:
    """Return an installation file with one device, of this profile; InstallationError where there is no such one."""
    profile = load(name, Path())
    shown = str(Path(name).resolve()) if is_path(name) else name
    lines = ["", "[[device]]", f'key = "{DEVICE}"', f'profile = "{shown}"']
    lines += [f"connection = {{ {_connection(profile, place)} }}"]
    lines += ['every = "10 s"' if profile.protocol == "mqtt" else 'every = "1 s"']
    if profile.trigger:
        lines += ["trigger = true  # the profile says what is written before each reading"]
    if profile.mqtt.choose:
        lines += [line for channel in profile.channels for line in ("  [[device.channel]]", f'  key = "{channel.key}"')]
    return _HEAD.format(device="\n".join(lines) + "\n")


def _connection(profile: Profile, place: Place) -> str:
    if profile.protocol == "mqtt":
        return ", ".join(_sensor(profile, place))
    transport = TRANSPORTS[place.transport]
    if transport in _SERIAL:
        port = place.link if place.link.is_absolute() else Path.cwd() / place.link
        return f'transport = "{transport}", port = "{port}", baudrate = {place.baudrate}, unit = {place.unit}'
    return f'transport = "{transport}", host = "{place.host}", port = {place.port}, unit = {place.unit}'


def _sensor(profile: Profile, place: Place) -> list[str]:
    found = ['transport = "mqtt"', f'host = "{place.broker_host}"', f"port = {place.broker_port}"]
    if not profile.mqtt.topic:
        found.append(f'topic = "{DEVICE}/{profile.key}"')
    if names := open_names(profile):
        found.append("names = {{ {} }}".format(", ".join(f'{name} = "{word}"' for name, word in names.items())))
    if profile.mqtt.time and profile.mqtt.time.local:
        found.append('zone = "UTC"')
    return found


def write(text: str, path: Path) -> None:
    """Write the file; ConfigurationError where there is one already, or where it cannot be written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigurationError(f"{path} is there already", hint="Name another file with --output.") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}", hint="Name another file.") from error
