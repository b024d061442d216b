"""Reading the file again: who stays notices nothing, who changed starts anew; and starting without a faulty device."""

import signal
import time
from pathlib import Path

import pytest

from tests.servers.broker import Rumqttd
from vitrine.errors import InstallationError
from vitrine.sparkplug import Message
from vitrine.uplink import DEVICES_FAILING
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.site import runnable_site

from .host import Host, until
from .processes import end, start
from .sites import device, site, tcp, write_profile, write_site
from .test_agent import instrument


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    return tmp_path


def test_only_what_changed_is_made_anew(folder: Path) -> None:
    instruments = Instruments(site(folder, device("a", tcp(1)), device("b", tcp(1, 2))), lambda _: True)
    kept, line = instruments.reader_of("a"), instruments.line_of("a")
    changed = instruments.change(site(folder, device("a", tcp(1)), device("b", tcp(1, 3)), device("c", tcp(2))))
    assert changed == ["b", "c"]
    assert instruments.reader_of("a") is kept
    assert instruments.line_of("a") is line is instruments.line_of("b")
    assert instruments.change(site(folder, device("c", tcp(2)))) == ["a", "b"]
    assert instruments.reader_of("a") is None
    assert len(instruments.lines()) == 1


def test_a_device_with_mistakes_is_left_out(folder: Path) -> None:
    path = write_site(folder, device("a", tcp(1)), device("b", tcp(1), profile="no-such-profile"))
    found, problems = runnable_site(path)
    assert [one.key for one in found.devices] == ["a"]
    assert [problem.code for problem in problems] == ["unknown-profile"]


@pytest.mark.parametrize(
    "devices",
    [
        [device("a", tcp(1), profile="no-such-profile")],
        [device("a", tcp(1)), device("a", tcp(1))],
        [device("a", tcp(1)), "[[indicator]]\nkey = 'Not A Key'"],
    ],
)
def test_what_cannot_run_does_not(folder: Path, devices: list[str]) -> None:
    with pytest.raises(InstallationError):
        runnable_site(write_site(folder, *devices))


def numbers(host: Host, key: str) -> int:
    return sum(topic.device == key for topic, _ in host.of(Message.DDATA))


def births(host: Host, key: str) -> int:
    return sum(topic.device == key for topic, _ in host.of(Message.DBIRTH))


def test_a_running_gateway_takes_a_new_file_and_keeps_the_old_one_where_the_new_has_mistakes(
    folder: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instrument(monkeypatch) as server:
        stays, other = device("stays", tcp(server.port)), device("other", tcp(server.port), every="200 ms")
        path = write_site(folder, stays, device("bad", tcp(1), profile="none"), port=broker.port)
        host, process = Host(broker.port), start(path, folder)
        try:
            until(lambda: numbers(host, "stays") > 3, 30)
            until(lambda: any("none" in str(host.value(p, DEVICES_FAILING)) for _, p in host.of(Message.NBIRTH)), 30)

            write_site(folder, stays, other, port=broker.port)
            process.send_signal(signal.SIGHUP)
            until(lambda: numbers(host, "other") > 3, 30)
            assert births(host, "stays") == 1

            path.write_text(path.read_text().replace("test_bench", "bench"))
            process.send_signal(signal.SIGHUP)
            until(lambda: "the file is not taken" in (folder / "gateway.log").read_text(), 30)
            before = numbers(host, "other")
            until(lambda: numbers(host, "other") > before + 3, 30)

            write_site(folder, stays, port=broker.port)
            process.send_signal(signal.SIGHUP)
            until(lambda: any(topic.device == "other" for topic, _ in host.of(Message.DDEATH)), 30)
            time.sleep(0.5)
            before = numbers(host, "stays")
            until(lambda: numbers(host, "stays") > before + 3, 30)
            assert births(host, "stays") == 1
        finally:
            end(process)
            host.close()
