"""The demo's parts: folder, ports, processes, copies of the installation files, texts."""

import os
import signal
import socket
import string
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vitrine.errors import ConfigurationError
from vitrine.i18n import catalogue
from vitrine_demo import broker, installations
from vitrine_demo.folder import Folder
from vitrine_demo.ports import LOOPBACK, Ports, is_free
from vitrine_demo.processes import Child, last_line, stop


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path / "demo")
    folder.open()
    yield folder
    folder.close()


@pytest.fixture
def listener():
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        yield taken.getsockname()[1]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


# --- folder ----------------------------------------------------------------------------------------------------------


def test_a_folder_has_one_owner_at_a_time(folder):
    with pytest.raises(ConfigurationError, match="another demo is running"):
        Folder(folder.path).open()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.odt").write_text("five years of work")
    with pytest.raises(ConfigurationError, match="holds other things"):
        Folder(tmp_path).open()


def test_reset_forgets_everything(folder):
    password = folder.password()
    (folder.logs / "portal.log").write_text("…")
    folder.reset()
    assert list(folder.logs.iterdir()) == []
    assert folder.password() != password


def test_the_password_stays_and_is_private(folder):
    assert folder.password() == folder.password()
    assert (folder.path / "password").stat().st_mode & 0o077 == 0


def test_what_a_killed_demo_left_is_ended_and_nothing_else(folder):
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    ours = subprocess.Popen(sleep, env={**os.environ, "VITRINE_DATA_DIR": str(folder.platform)}, start_new_session=True)
    other = subprocess.Popen(sleep, start_new_session=True)
    try:
        folder.note_processes([ours.pid, other.pid, 2**22 - 1])
        assert folder.end_orphans() == 1
        assert ours.wait(20) == -signal.SIGKILL
        assert other.poll() is None
        assert folder.end_orphans() == 0
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()


# --- ports -----------------------------------------------------------------------------------------------------------


def test_a_portal_port_in_use_is_said_with_what_to_do(listener):
    with pytest.raises(ConfigurationError, match=str(listener)) as refused:
        Ports(listener).check_portal()
    assert "--port" in refused.value.hint


def test_other_ports_in_use_are_passed_over(listener):
    ports = Ports(listener - 1)
    port = ports.take()
    assert port > listener
    assert listener in ports.taken
    assert is_free(port)


# --- processes -------------------------------------------------------------------------------------------------------


class Deaths:
    def __init__(self):
        self.told = []

    def died(self, child, code, wait_s):
        self.told.append((code, wait_s))


def test_a_child_that_dies_is_started_again_after_a_wait_that_grows(tmp_path):
    child = Child("short", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")
    child.wait_s = 0.01
    deaths = Deaths()
    child.start()

    def watched():
        child.watch(deaths)
        return len(deaths.told) >= 3

    until(watched)
    stop([child])
    assert [code for code, _ in deaths.told] == [3, 3, 3]
    assert [wait for _, wait in deaths.told] == [0.01, 0.02, 0.04]


def test_a_child_that_has_recovered_waits_the_first_time_again(tmp_path):
    child = Child("long", [sys.executable, "-c", "pass"], tmp_path / "log", wait_s=16.0)
    deaths = Deaths()
    child.start()
    until(lambda: not child.running)
    child.started -= 3600.0
    child.watch(deaths)
    assert deaths.told == [(0, 1.0)]


def test_stopping_takes_grandchildren_and_the_stubborn_along(tmp_path):
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(inner.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    log = tmp_path / "log"
    child = Child("stubborn", [sys.executable, "-c", code], log)
    child.start()
    until(lambda: last_line(log))
    inner = int(last_line(log))
    assert alive(inner)
    stop([child], patience_s=0.2)
    until(lambda: not alive(inner))


def test_a_child_that_never_ran_is_stopped_without_fuss(tmp_path):
    stop([Child("never", ["true"], tmp_path / "log")])


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_plain_demo_starts_two_examples_and_all_starts_every_one():
    plain, everything = installations.chosen(), installations.chosen(everything=True)
    assert [path.stem for path in plain] == list(installations.CHOSEN)
    assert everything == installations.examples()
    assert set(plain) < set(everything)


def modbus(copy):
    return [device.connection for device in copy.devices if device.connection.transport != "mqtt"]


@pytest.mark.parametrize("everything", [False, True])
def test_copies_differ_from_the_examples_in_addresses_only(tmp_path, everything):
    ports = Ports(20_000)
    copies = installations.copy(tmp_path, ports, ("broker.test", 1999), everything)
    assert len(copies) == len(installations.chosen(everything))
    used = [device.connection for copy in copies for device in copy.devices]
    places = [{one.port for one in modbus(copy)} for copy in copies]
    assert all(places)
    assert len(set.union(*places)) == sum(map(len, places))  # no two sites share a port
    assert all(one.host == LOOPBACK for copy in copies for one in modbus(copy) if one.host)
    assert {(one.host, one.port) for one in used if one.transport == "mqtt"} == {("broker.test", 1999)}
    assert {(copy.gateway.uplink.host, copy.gateway.uplink.port) for copy in copies} == {("broker.test", 1999)}
    for copy, example in zip(copies, installations.chosen(everything), strict=True):
        changed = [
            line
            for line, before in zip(copy.source.splitlines(), example.read_text().splitlines(), strict=True)
            if line != before
        ]
        assert all("host = " in line for line in changed)


def test_the_broker_listens_on_loopback_only_and_takes_large_births():
    text = broker.configuration(1884)
    assert 'listen = "127.0.0.1:1884"' in text
    assert "0.0.0.0" not in text
    assert "max_payload_size = 4194304" in text


def test_both_languages_say_the_same_things():
    french, english = (catalogue("vitrine_demo", language) for language in ("fr", "en"))
    assert french.keys() == english.keys()
    for key, text in french.items():
        names = [{name for _, name, _, _ in string.Formatter().parse(one) if name} for one in (text, english[key])]
        assert names[0] == names[1], key
