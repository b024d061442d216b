"""A network of its own behind a switch, whose cables can be pulled while both ends believe in their connections.

    this machine ──near── switch ──far── far end            (`far`: what a gateway talks to)
    this machine ──────────side────────── far end            (`side`: what the test looks through meanwhile)

Built of network namespaces and veth pairs; the addresses are those that RFC 2544 sets aside for tests of networks.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .model import Unavailable

_CLONE_NEWNET = 0x40000000


class Network:
    """One network; `far` and `side` are addresses of its far end."""

    def __init__(self, number: int) -> None:
        self._name = f"vit{number}"
        self._switch, self._end = f"{self._name}-switch", f"{self._name}-end"
        self._near, self._side = f"{self._name}n", f"{self._name}s"
        block = number % 256
        self._addresses = {self._near: f"198.18.{block}.1/30", self._side: f"198.19.{block}.1/30"}
        self.far, self.side = f"198.18.{block}.2", f"198.19.{block}.2"

    def build(self) -> None:
        """Lay all cables."""
        for name in (self._switch, self._end):
            _ip("netns", "add", name)
        for here, there, inside in (
            (self._near, "near", self._switch),
            (self._side, "side", self._end),
        ):
            _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", inside)
            _ip("addr", "add", self._addresses[here], "dev", here)
            _ip("link", "set", here, "up")
        _ip("-n", self._switch, "link", "add", "far", "type", "veth", "peer", "name", "far", "netns", self._end)
        _ip("-n", self._switch, "link", "add", "bridge", "type", "bridge")
        for port in ("near", "far"):
            _ip("-n", self._switch, "link", "set", port, "master", "bridge")
        for port in ("near", "far", "bridge"):
            _ip("-n", self._switch, "link", "set", port, "up")
        for port, address in (("far", self.far), ("side", self.side)):
            _ip("-n", self._end, "addr", "add", f"{address}/30", "dev", port)
            _ip("-n", self._end, "link", "set", port, "up")
        _ip("-n", self._end, "link", "set", "lo", "up")

    def cut(self) -> None:
        """Take the far cable out of the switch: packets vanish without a word in both directions."""
        _ip("-n", self._switch, "link", "set", "far", "nomaster")

    def mend(self) -> None:
        """Put the far cable back."""
        _ip("-n", self._switch, "link", "set", "far", "master", "bridge")

    def unplug(self) -> None:
        """Pull the near cable: this machine sees that its carrier is gone."""
        _ip("-n", self._switch, "link", "set", "near", "down")

    def plug(self) -> None:
        """Put the near cable back."""
        _ip("-n", self._switch, "link", "set", "near", "up")

    def listen(self, port: int = 0) -> socket.socket:
        """Return a socket that listens at the far end, on all its addresses."""
        return _inside(f"/run/netns/{self._end}", port)

    def command(self, command: Sequence[str]) -> list[str]:
        """Return a command that runs at the far end."""
        return ["ip", "netns", "exec", self._end, *command]

    def remove(self) -> None:
        """Take everything away, whatever of it there is."""
        for here in (self._near, self._side):
            subprocess.run(["ip", "link", "del", here], capture_output=True, check=False)
        for name in (self._switch, self._end):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


@contextmanager
def switched_network() -> Iterator[Network]:
    """Build a network; Unavailable where this account or this machine cannot."""
    if os.geteuid() != 0:
        raise Unavailable("network namespaces with cables to pull need root", "run the tests as root, as CI does")
    if shutil.which("ip") is None:
        raise Unavailable("the program ip is not installed", "apt-get install iproute2")
    network = Network(os.getpid() % 100_000)
    try:
        try:
            network.build()
        except subprocess.CalledProcessError as error:
            reason = error.stderr.decode(errors="replace").strip()
            raise Unavailable(f"this machine makes no network namespaces: {reason}", "a kernel with veth") from error
        yield network
    finally:
        network.remove()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _inside(namespace: str, port: int) -> socket.socket:
    """Make a listening socket in a namespace, by a thread that goes there and ends."""
    made: list[socket.socket] = []
    failed: list[OSError] = []

    def make() -> None:
        with Path(namespace).open("rb") as place:
            if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), _CLONE_NEWNET):
                failed.append(OSError(ctypes.get_errno(), "setns"))
                return
        made.append(socket.create_server(("0.0.0.0", port)))  # a namespace of the test's own

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]
