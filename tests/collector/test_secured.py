"""A broker that speaks TLS: what is read ahead is decrypted already, and the operating system knows nothing of it."""

from pathlib import Path

import psycopg
import pytest

from tests.gateway.test_session import papers, tls_broker
from tests.servers.process import free_port
from vitrine.errors import ConfigurationError
from vitrine.sparkplug import Message
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker

from .conftest import QUICK, eventually
from .fake_gateway import T0, FakeGateway, Messages

__all__ = ["papers"]
RECORDS, CHANNELS = 3000, [f"c{number}" for number in range(10)]


def test_many_and_large_messages_come_through_tls(
    tmp_path: Path, papers: Path, database_url: str, database: psycopg.Connection
) -> None:
    clear = free_port()
    with tls_broker(tmp_path, papers, f"listener {clear} 127.0.0.1", "allow_anonymous true") as server:
        broker = Broker(host="127.0.0.1", port=server.port, ca=papers / "ours.pem")
        collector = Collector(database_url, broker, QUICK)
        collector.start()
        gateway = FakeGateway(clear, Messages(channels=CHANNELS))
        try:
            assert collector.host.online.wait(20)
            gateway.give_birth()
            # Longer than anything that is read at once.
            gateway.send((gateway.messages.topic(Message.DDATA, "stranger"), bytes(1_000_000)))
            for number in range(RECORDS):
                gateway.send_soon(gateway.messages.ddata(dict.fromkeys(CHANNELS, 1.0), time_ms=T0 + 1000 * number))
            assert gateway.wait_acknowledged(RECORDS, 60)
        finally:
            gateway.close()
            collector.stop()
    assert database.execute("SELECT count(*) FROM measurement").fetchone() == (RECORDS * len(CHANNELS),)
    assert database.execute("SELECT code, length(payload) FROM rejected").fetchall() == [("payload-invalid", 1_000_000)]


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stranger_in_the_brokers_place_is_not_believed(
    tmp_path: Path, papers: Path, database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with tls_broker(tmp_path, papers, "allow_anonymous true", certificate="stranger") as server:
        broker = Broker(host="127.0.0.1", port=server.port, ca=papers / "ours.pem")
        collector = Collector(database_url, broker, QUICK)
        collector.start()
        eventually(lambda: "certificate verify failed" in "".join(capfd.readouterr()))
        assert not collector.host.online.is_set()
        collector.stop()


def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path, database_url: str) -> None:
    collector = Collector(database_url, Broker(host="127.0.0.1", port=1, ca=tmp_path / "nowhere.pem"), QUICK)
    collector.start()
    with pytest.raises(ConfigurationError, match=r"nowhere\.pem"):
        collector.wait()
