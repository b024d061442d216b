"""ThingsBoard's gateway on our instruments: from its package, in an environment of its own in the bench's cache folder.

What it cannot do on this machine: without a ThingsBoard server nothing acknowledges beyond the broker, and its storage
is memory as its own configuration has it; so it is measured with less work than Vitrine's gateway does.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.cache import cached

PACKAGES = ("thingsboard-gateway==3.8.5", "pymodbus==3.9.2", "pyserial==3.5")
_START = "from thingsboard_gateway.tb_gateway import daemon; daemon()"


class InstallError(Exception):
    """The package could not be installed; the reason is told."""


def _install(folder: Path) -> None:
    # Nothing in it may know the folder's name, which changes when it is finished: a target, not an environment.
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder / "site"), *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    if done.returncode != 0:
        raise InstallError(f"pip install {' '.join(PACKAGES)}: {done.stderr.strip()[-300:]}")


@contextmanager
def thingsboard(
    folder: Path, modbus: int, broker: int, devices: int, channels: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run it with `devices` units of `channels` 32-bit floats, each unit read every second."""
    packages = cached("thingsboard-gateway-3.8.5", _install) / "site"
    folder.mkdir()
    (folder / "logs").mkdir()
    (folder / "config").mkdir()
    bundled = packages / "thingsboard_gateway" / "config"
    (folder / "config" / "logs.json").write_bytes((bundled / "logs.json").read_bytes())
    settings = json.loads((bundled / "tb_gateway.json").read_text())
    settings["thingsboard"].update(
        host="127.0.0.1",
        port=broker,
        remoteConfiguration=False,
        statistics={"enable": False},
        security={"type": "accessToken", "accessToken": "bench"},
        rateLimits="",
        dpRateLimits="",
        messagesRateLimits="",
        deviceMessagesRateLimits="",
        deviceRateLimits="",
        deviceDpRateLimits="",
    )
    settings["connectors"] = [{"type": "modbus", "name": "bench", "configuration": "modbus.json"}]
    (folder / "config" / "tb_gateway.json").write_text(json.dumps(settings))
    (folder / "config" / "modbus.json").write_text(json.dumps(_slaves(modbus, devices, channels)))
    environment = {**os.environ, "PYTHONPATH": str(packages), "TB_GW_CONFIG_DIR": str(folder / "config")}
    with (folder / "out.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _START],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _slaves(port: int, devices: int, channels: int) -> dict[str, object]:
    values = [
        {"tag": f"c{number}", "type": "32float", "functionCode": 3, "objectsCount": 2, "address": 2 * number}
        for number in range(channels)
    ]
    common = {"host": "127.0.0.1", "port": port, "type": "tcp", "method": "socket", "timeout": 5, "retries": 1}
    slaves = [
        {
            **common,
            "byteOrder": "BIG",
            "wordOrder": "BIG",
            "pollPeriod": 1000,
            "connectAttemptTimeMs": 1000,
            "connectAttemptCount": 5,
            "waitAfterFailedAttemptsMs": 5000,
            "unitId": unit + 1,
            "deviceName": f"device {unit + 1}",
            "attributes": [],
            "timeseries": values,
        }
        for unit in range(devices)
    ]
    return {"master": {"slaves": slaves}}
