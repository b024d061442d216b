"""A snapshot in Prometheus's text format 0.0.4; what is not known is left out, never made up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vitrine_gateway.health.snapshot import DeviceHealth, Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "vitrine_gateway_"
_SOURCES = ("ntp", "rtc", "restamped", "uncertain")


@dataclass(frozen=True, slots=True)
class _Metric:
    name: str
    kind: Literal["gauge", "counter"]
    help: str
    #: Labels in text, and the value; None: not known.
    samples: tuple[tuple[str, float | None], ...]


def exposition(snapshot: Snapshot) -> str:
    """Write the page."""
    lines: list[str] = []
    for metric in (*_devices(snapshot), *_lines(snapshot), *_queue(snapshot), *_uplink(snapshot), *_machine(snapshot)):
        known = [(labels, value) for labels, value in metric.samples if value is not None]
        if known:
            name = _PREFIX + metric.name
            lines += [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}"]
            lines += [f"{name}{labels} {_number(value)}" for labels, value in known]
    return "\n".join(lines) + "\n"


def _devices(snapshot: Snapshot) -> Iterator[_Metric]:
    counters = {
        "requests": "Requests sent.",
        "answers": "Requests answered with values.",
        "refusals": "Requests that the device refused.",
        "busy": "Answers by which the device asked for time.",
        "timeouts": "Requests without an answer in time.",
        "damaged": "Answers with a wrong check sum, length or function.",
        "late": "Answers that came after their time-out, and were thrown away.",
        "missed_slots": "Readings left out because the one before still lasted.",
    }
    for name, text in counters.items():
        yield _each(snapshot.devices, f"device_{name}_total", "counter", text, name)
    yield _each(snapshot.devices, "device_success_ratio", "gauge", "Share of requests answered.", "success")
    yield _each(snapshot.devices, "device_latency_seconds", "gauge", "Smoothed round trip.", "latency_s")
    yield _each(snapshot.devices, "device_quarantined", "gauge", "Places left alone as refused.", "quarantined")
    up = tuple((_labels(device=one.key), float(not one.failure)) for one in snapshot.devices)
    yield _Metric("device_up", "gauge", "1 where the device gives all its values.", up)
    breaker = tuple(
        (_labels(device=one.key, state=one.breaker), 1.0) for one in snapshot.devices if one.breaker is not None
    )
    yield _Metric("device_breaker", "gauge", "State of the circuit breaker.", breaker)


def _lines(snapshot: Snapshot) -> Iterator[_Metric]:
    for name, text in (
        ("reconnections", "Connections made again after a loss."),
        ("failed_connections", "Connections that could not be made."),
        ("bytes_sent", "Bytes sent on the line."),
        ("bytes_received", "Bytes received on the line."),
        ("strays", "Frames that belong to no request."),
    ):
        samples = tuple((_labels(line=one.place), float(getattr(one, name))) for one in snapshot.lines)
        yield _Metric(f"line_{name}_total", "counter", text, samples)
    connected = tuple((_labels(line=one.place), float(one.connected)) for one in snapshot.lines)
    yield _Metric("line_connected", "gauge", "1 while the line is open.", connected)


def _queue(snapshot: Snapshot) -> Iterator[_Metric]:
    queue = snapshot.queue
    yield _one("queue_records", "gauge", "Records that wait for their acknowledgement.", queue.records)
    yield _one("queue_bytes", "gauge", "Bytes of the queue on disk.", queue.bytes)
    yield _one("queue_oldest_age_seconds", "gauge", "Age of the oldest record that waits.", queue.oldest_age_s)
    yield _one("queue_bytes_written_today", "gauge", "Bytes written since midnight UTC.", queue.bytes_written_today)
    yield _one("queue_bytes_written_per_day", "gauge", "The same, a day at this rate.", queue.bytes_written_a_day)
    yield _one("records_lost_total", "counter", "Records given up, all reported.", queue.lost)
    yield _one("records_unwritten_total", "counter", "Records that the disk refused.", queue.unwritten)


def _uplink(snapshot: Snapshot) -> Iterator[_Metric]:
    uplink, clock = snapshot.uplink, snapshot.clock
    yield _one("uplink_connected", "gauge", "1 while births were sent in a standing connection.", uplink.connected)
    yield _one("uplink_reconnects_total", "counter", "Connections after the first one.", uplink.reconnects)
    yield _one("uplink_in_flight", "gauge", "Records sent and not yet confirmed.", uplink.in_flight)
    yield _one("uplink_resent_total", "counter", "Records sent again for want of an answer.", uplink.resent)
    yield _one("uplink_last_ack_age_seconds", "gauge", "Time since the last confirmation.", uplink.last_ack_age_s)
    offset = None if clock.offset_ms is None else clock.offset_ms / 1000
    yield _one("clock_offset_seconds", "gauge", "What the kernel still corrects.", offset)
    yield _one("clock_error_bound_seconds", "gauge", "The clock is at most so wrong.", clock.error_s)
    yield _one("clock_steps_total", "counter", "Steps of the wall clock since the start.", clock.steps)
    sources = tuple((_labels(source=one), float(one == clock.source)) for one in _SOURCES if one != "restamped")
    yield _Metric("clock_source", "gauge", "1 for where the time comes from.", sources)


def _machine(snapshot: Snapshot) -> Iterator[_Metric]:
    one = snapshot.machine
    yield _one("resident_memory_bytes", "gauge", "Memory of the gateway.", one.memory_bytes)
    yield _one("memory_available_bytes", "gauge", "Memory that the machine has left.", one.memory_available_bytes)
    yield _one("disk_free_bytes", "gauge", "Free where the queue lies.", one.disk_free_bytes)
    yield _one("disk_total_bytes", "gauge", "Size of the disk of the queue.", one.disk_total_bytes)
    yield _one("cpu_temperature_celsius", "gauge", "Temperature of the processor.", one.cpu_temperature_c)
    yield _one("under_voltage", "gauge", "1 while the supply is too weak.", one.under_voltage)
    yield _one("under_voltage_seen", "gauge", "1 where it was since the machine started.", one.under_voltage_seen)
    yield _one("start_time_seconds", "gauge", "Start of the gateway, Unix time.", snapshot.started.timestamp())
    yield _Metric("info", "gauge", "The software.", ((_labels(version=snapshot.version), 1.0),))


def _each(
    devices: tuple[DeviceHealth, ...], name: str, kind: Literal["gauge", "counter"], text: str, field: str
) -> _Metric:
    return _Metric(name, kind, text, tuple((_labels(device=one.key), getattr(one, field)) for one in devices))


def _one(name: str, kind: Literal["gauge", "counter"], text: str, value: float | None) -> _Metric:
    return _Metric(name, kind, text, (("", value),))


def _labels(**labels: str | None) -> str:
    return "{" + ",".join(f'{name}="{_escaped(text or "")}"' for name, text in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if isinstance(value, bool) or float(value).is_integer() else repr(float(value))
