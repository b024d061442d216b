"""Connections: each broker and version of MQTT, TLS with its ways to fail, passwords, one will for each CONNECT."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.servers.broker import Rumqttd
from tests.servers.fixtures import available
from tests.servers.mosquitto import mosquitto as run_mosquitto
from tests.servers.process import ServerProcess
from vitrine.errors import ConfigurationError
from vitrine.installation import Uplink
from vitrine.sparkplug import Message
from vitrine_gateway.uplink.session import Session, SessionLost

from .uplink_rig import PACE, Connect, Rig, rig, soon

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["rumqttd", "mosquitto"])
def any_broker(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Return the ports for MQTT 3.1.1 and 5 of one broker."""
    running = request.getfixturevalue("broker" if request.param == "rumqttd" else "mosquitto")
    return running.port, running.port_v5 if isinstance(running, Rumqttd) else running.port


@pytest.mark.parametrize("mqtt", ["3.1.1", "5"])
@pytest.mark.parametrize("delivery", ["host", "broker"])
async def test_each_broker_and_version_carries_births_data_and_deaths(
    tmp_path: Path, any_broker: tuple[int, int], mqtt: str, delivery: str, host_on: Connect
) -> None:
    host = await host_on(any_broker[0], acknowledges=delivery == "host")
    port = any_broker[1 if mqtt == "5" else 0]
    async with rig(tmp_path, port, mqtt=mqtt, delivery=delivery) as one:
        await soon(lambda: one.node.born)
        one.measure(2.5)
        await soon(lambda: not one.queue.pending)
        await soon(lambda: host.records == [1])
        status = one.node.status()
        assert (status.connected, status.reason, status.conflict) == (True, "", "")
        assert (status.acks, status.in_flight, status.resent) == (1, 0, 0)
    await soon(lambda: host.of(Message.NDEATH))
    kinds = [str(topic.message) for topic, _ in host.messages]
    # MQTT 5 ends with reason 0x04, so that the broker sends the will as well.
    assert kinds[:6] == ["NBIRTH", "DBIRTH", "DBIRTH", "DDATA", "DDEATH", "DDEATH"]
    assert set(kinds[6:]) == {"NDEATH"}


async def test_connect_asks_for_a_clean_session_and_carries_the_will(tmp_path: Path, mosquitto: ServerProcess) -> None:
    for mqtt in ("3.1.1", "5"):
        session = Session(Uplink(host="", port=0, mqtt=mqtt), ("127.0.0.1", mosquitto.port), "c", lambda *_: None)
        await session.open("spBv1.0/g/NDEATH/n", b"will", ["spBv1.0/g/NCMD/n"])
        client = session._client
        assert (client._will_qos, client._will_retain, client._will_payload) == (1, False, b"will")
        assert client._clean_start is True if mqtt == "5" else client._clean_session is True
        if mqtt == "5":
            assert vars(client._connect_properties)["SessionExpiryInterval"] == 0
        await session.close()


# --- TLS -------------------------------------------------------------------------------------------------------------


def openssl(folder: Path, *words: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        raise pytest.skip.Exception("openssl is not installed: apt-get install openssl")
    done = subprocess.run([program, *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def authority(folder: Path, name: str) -> None:
    openssl(folder, *["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"],
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")  # fmt: skip


def certificate(folder: Path, name: str, by: str, *, days: int = 30) -> None:
    openssl(folder, *["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
            "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")  # fmt: skip
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial",
            "-days", str(days), "-extfile", "names", "-out", f"{name}.pem")  # fmt: skip


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make two authorities, certificates of broker and gateway, and ones that have expired."""
    folder = tmp_path_factory.mktemp("papers")
    for name in ("ours", "theirs"):
        authority(folder, name)
    certificate(folder, "broker", "ours")
    certificate(folder, "gateway", "ours")
    certificate(folder, "old-broker", "ours", days=-1)
    certificate(folder, "stranger", "theirs")
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


@contextmanager
def tls_broker(folder: Path, papers: Path, *more: str, certificate: str = "broker") -> Iterator[ServerProcess]:
    """Run Mosquitto with TLS on its first port, and in the clear on a second one for the host."""
    settings = [
        f"cafile {papers}/ours.pem",
        f"certfile {papers}/{certificate}.pem",
        f"keyfile {papers}/{certificate}.key",
    ]
    with available(), run_mosquitto(folder, [*settings, *more]) as server:
        yield server


@asynccontextmanager
async def secured(folder: Path, port: int, papers: Path, **changes: object) -> AsyncIterator[Rig]:
    (folder / "gw").mkdir()
    settings: dict[str, object] = {"tls": True, "ca": f"{papers}/ours.pem", "delivery": "broker", **changes}
    async with rig(folder / "gw", port, PACE, **settings) as one:
        yield one


async def test_client_certificate_opens_the_broker(tmp_path: Path, papers: Path) -> None:
    mine = {"certificate": f"{papers}/gateway.pem", "key": f"{papers}/gateway.key"}
    with tls_broker(tmp_path, papers, "require_certificate true", "allow_anonymous true") as server:
        async with secured(tmp_path, server.port, papers, **mine) as one:
            one.measure()
            await soon(lambda: one.node.born and not one.queue.pending)


async def test_password_opens_the_broker_and_a_wrong_one_is_told(tmp_path: Path, papers: Path) -> None:
    program = shutil.which("mosquitto_passwd")
    if program is None:
        raise pytest.skip.Exception("mosquitto_passwd is not installed: apt-get install mosquitto")
    subprocess.run([program, "-b", "-c", str(tmp_path / "accounts"), "gw", "secret"], check=True, capture_output=True)
    (tmp_path / "accounts").chmod(0o644)
    (tmp_path / "password").write_text("wrong\n")
    mine = {"username": "gw", "password_file": str(tmp_path / "password")}
    with tls_broker(tmp_path, papers, "allow_anonymous false", f"password_file {tmp_path}/accounts") as server:
        async with secured(tmp_path, server.port, papers, **mine) as one:
            await soon(lambda: "refuses" in one.node.status().reason)
            assert "Not authorized" in one.node.status().reason
            (tmp_path / "password").write_text("secret\n")
            one.measure()
            await soon(lambda: one.node.born and not one.queue.pending)


@pytest.mark.parametrize(
    ("broker_has", "gateway_trusts", "reason"),
    [
        ("broker", "theirs", "its authority is not the one that ca names"),
        ("old-broker", "ours", "expired"),
    ],
)
async def test_broker_that_is_not_trusted_is_told_and_tried_again(
    tmp_path: Path, papers: Path, broker_has: str, gateway_trusts: str, reason: str
) -> None:
    trusted = tmp_path / "trusted.pem"
    shutil.copy(papers / f"{gateway_trusts}.pem", trusted)
    with tls_broker(tmp_path, papers, "allow_anonymous true", certificate=broker_has) as server:
        async with secured(tmp_path, server.port, papers, ca=str(trusted)) as one:
            one.measure()
            await soon(lambda: reason in one.node.status().reason)
            assert (tmp_path / "gw" / "bdseq").read_text() == "0", "no CONNECT packet was sent"
            if broker_has == "broker":
                shutil.copy(papers / "ours.pem", trusted)
                await soon(lambda: one.node.born and not one.queue.pending)


@pytest.mark.parametrize(
    ("mine", "reason"), [("", "wants a client certificate"), ("stranger", "authority of this gateway's certificate")]
)
async def test_gateway_that_the_broker_does_not_trust_is_told_why(
    tmp_path: Path, papers: Path, mine: str, reason: str
) -> None:
    papers_of_mine = {"certificate": f"{papers}/{mine}.pem", "key": f"{papers}/{mine}.key"} if mine else {}
    with tls_broker(tmp_path, papers, "require_certificate true", "allow_anonymous true") as server:
        async with secured(tmp_path, server.port, papers, **papers_of_mine) as one:
            await soon(lambda: reason in one.node.status().reason)


async def test_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="absent"):
        Session(Uplink(host="", port=0, tls=True, ca=str(tmp_path / "absent.pem")), ("h", 1), "c", lambda *_: None)


async def test_port_that_does_not_answer_mqtt_is_told(tmp_path: Path, mosquitto: ServerProcess) -> None:
    plain = Uplink(host="", port=0, tls=True)
    session = Session(plain, ("127.0.0.1", mosquitto.port), "c", lambda *_: None)
    with pytest.raises((OSError, SessionLost)):
        await session.open("t", b"", ["t"])
    await session.close()
