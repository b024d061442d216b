"""Trying all that a start needs, once: lines, instruments, broker, folder, clock."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from vitrine.errors import ConfigurationError
from vitrine.installation import Uplink
from vitrine_gateway.clock import Clock
from vitrine_gateway.health.machine import machine
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.reading import Sample
from vitrine_gateway.site import Site
from vitrine_gateway.uplink.credentials import secure, tls_reason

_ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one part of the gateway would meet at its start."""

    #: `device`, `broker`, `folder` or `clock`.
    part: str
    #: Which one: a device's key, an address, a folder.
    name: str
    #: In English; '' where all is well.
    fault: str = ""
    #: What was seen, in English.
    seen: str = ""


def probe(site: Site, folder: Path) -> Iterator[Finding]:
    """Try each part in turn; nothing is written to an instrument, and nothing is sent but a greeting to the broker."""
    yield from _devices(site)
    yield _broker(site.installation.gateway.uplink)
    yield _folder(folder, site.installation.gateway.queue.keep_free)
    yield _clock()


def _devices(site: Site) -> Iterator[Finding]:
    samples: dict[str, Sample] = {}
    instruments = Instruments(site, lambda sample: samples.update({sample.device: sample}), role=f"probe-{os.getpid()}")
    asyncio.run(instruments.once())
    failing = instruments.failing()
    for device in site.devices:
        sample = samples.get(device.key)
        good = sum(reading.value is not None for reading in sample.readings) if sample else 0
        seen = f"{good} of {len(device.channels)} values"
        fault = failing.get(device.key, "") or ("" if good else "no value came")
        yield Finding("device", device.key, fault, seen)


def _broker(uplink: Uplink) -> Finding:
    name = f"{uplink.host}:{uplink.port}"
    done, told = threading.Event(), [""]
    client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)

    def connected(_client: object, _data: object, _flags: object, code: object, _properties: object) -> None:
        told[0] = str(code) if getattr(code, "is_failure", False) else ""
        done.set()

    client.on_connect = connected
    try:
        secure(client, uplink)
        client.connect(uplink.host, uplink.port)
        client.loop_start()
        fault = told[0] if done.wait(_ANSWER_S) else "it takes the connection and says nothing"
        fault = told[0] or fault
    except (OSError, ConfigurationError) as error:
        fault = error.message if isinstance(error, ConfigurationError) else tls_reason(error)
    finally:
        client.disconnect()
        client.loop_stop()
        client.on_connect = None
    return Finding("broker", name, fault, "" if fault else "it takes this gateway's connection")


def _folder(folder: Path, keep_free: int) -> Finding:
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding("folder", str(folder), f"{existing} cannot be written by this account")
    free = machine(existing).disk_free_bytes
    if free is not None and free < keep_free:
        return Finding(
            "folder", str(folder), f"{free / 1e6:.0f} MB are free, and keep_free wants {keep_free / 1e6:.0f} MB"
        )
    return Finding("folder", str(folder), seen="" if free is None else f"{free / 1e9:.1f} GB free")


def _clock() -> Finding:
    state = Clock().state()
    if state.source == "uncertain":
        return Finding("clock", "", "the clock is not synchronised: start chrony or systemd-timesyncd")
    return Finding("clock", "", seen=f"source {state.source}")
