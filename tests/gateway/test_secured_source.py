"""Sensors behind a broker that wants a certificate and a password; a file that cannot be read stops nothing else."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.servers.process import ServerProcess
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.reading import Sample
from vitrine_gateway.site import Site

from .modbus_server import modbus_server
from .sites import device, site, tcp, write_profile
from .test_session import papers, tls_broker  # noqa: F401  # a fixture

pytestmark = pytest.mark.anyio

Published = Callable[[], object]
MESSAGE = '{"temperature": 21.4, "humidity": 38.2}'


@asynccontextmanager
async def listening(one: Site) -> AsyncIterator[tuple[Instruments, list[Sample]]]:
    samples: list[Sample] = []
    instruments = Instruments(one, samples.append)
    task = asyncio.create_task(instruments.run())
    try:
        yield instruments, samples
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def values(samples: list[Sample], key: str) -> list[float]:
    return [one.value for sample in samples if sample.device == key for one in sample.readings if one.value is not None]


async def soon(true: Callable[[], bool], do: Published = lambda: None) -> None:
    async with asyncio.timeout(30):
        while not true():
            do()
            await asyncio.sleep(0.1)


def accounts(folder: Path) -> None:
    program = shutil.which("mosquitto_passwd")
    if program is None:
        raise pytest.skip.Exception("mosquitto_passwd is not installed: apt-get install mosquitto")
    subprocess.run([program, "-b", "-c", str(folder / "accounts"), "gw", "secret"], check=True, capture_output=True)
    (folder / "accounts").chmod(0o644)


def publisher(server: ServerProcess, folder: Path) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.tls_set(f"{folder}/ours.pem", f"{folder}/gateway.pem", f"{folder}/gateway.key")
    client.username_pw_set("gw", "secret")
    client.connect("127.0.0.1", server.port)
    client.loop_start()
    return client


async def test_certificate_and_password(tmp_path: Path, papers: Path) -> None:  # noqa: F811
    accounts(tmp_path)
    secret = tmp_path / "password"
    mine = f'tls = true, ca = "{papers}/ours.pem", certificate = "{papers}/gateway.pem", key = "{papers}/gateway.key"'
    account = f'username = "gw", password_file = "{secret}"'
    wanted = ("require_certificate true", "allow_anonymous false", f"password_file {tmp_path}/accounts")
    with tls_broker(tmp_path, papers, *wanted) as server:
        connection = (
            f'{{ transport = "mqtt", host = "127.0.0.1", port = {server.port}, topic = "t", {mine}, {account} }}'
        )
        write_profile(tmp_path, ("a", 0, "uint16", "holding"))
        async with modbus_server() as modbus:
            modbus.unit(1).holding = {0: 7}
            sensor = device("air", connection, profile="json-temperature-humidity", every="1 h")
            one = site(tmp_path, sensor, device("meter", tcp(modbus.port)))
            async with listening(one) as (instruments, samples):
                await soon(lambda: "needs a file that cannot be read" in instruments.failing().get("air", ""))
                await soon(lambda: 7 in values(samples, "meter"))
                secret.write_text("secret\n")
                client = publisher(server, papers)
                try:
                    await soon(lambda: 21.4 in values(samples, "air"), lambda: client.publish("t", MESSAGE))
                finally:
                    client.disconnect()
                    client.loop_stop()
                assert "air" not in instruments.failing()
