"""The simulated instruments as other software sees them: pymodbus as a client, paho as a subscriber."""

import asyncio
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import AsyncModbusTcpClient

from vitrine.errors import ConfigurationError
from vitrine.installation import Connection, Device
from vitrine_gateway.profiles import load
from vitrine_gateway.profiles.types import WIDTHS, orders_of
from vitrine_simulators.modbus_device import ModbusDevice
from vitrine_simulators.modbus_server import ModbusServer
from vitrine_simulators.modbus_slaves import Slaves
from vitrine_simulators.mqtt_publisher import Publisher
from vitrine_simulators.registers import encode, width
from vitrine_simulators.sensors import JsonSensor


def decode(words, kind, order):
    """Read a value as a gateway would, written apart from what is tested."""
    raw = b"".join(word.to_bytes(2, "big") for word in words)
    arranged = bytearray(len(order.replace("-", "")))
    for position, letter in enumerate(order):
        if letter != "-":
            arranged[ord(letter) - 65] = raw[position]
    if kind.startswith("bcd"):
        return int(arranged.hex())
    if kind.startswith("float"):
        return struct.unpack(">f" if kind == "float32" else ">d", arranged)[0]
    return int.from_bytes(arranged, "big", signed=kind.startswith("int"))


@given(st.data())
def test_registers_hold_the_number_in_every_type_and_order(data):
    kind = data.draw(st.sampled_from(sorted(WIDTHS)))
    order = data.draw(st.sampled_from(orders_of(kind)))
    if kind.startswith("float"):
        value = data.draw(st.floats(allow_nan=False, width=32 if kind == "float32" else 64))
    else:
        bits = int("".join(filter(str.isdigit, kind)))
        low = -(2 ** (bits - 1)) if kind.startswith("int") else 0
        value = data.draw(st.integers(low, (10 ** (bits // 4) if kind.startswith("bcd") else low + 2**bits) - 1))
    words = encode(value, kind, order)
    assert len(words) == width(kind) == WIDTHS[kind]
    assert decode(words, kind, order) == value


@pytest.mark.parametrize(
    ("value", "kind", "held"), [(70000, "uint16", 65535), (-5, "uint32", 0), (4e4, "int16", 32767)]
)
def test_a_number_that_does_not_fit_is_held_at_the_limit(value, kind, held):
    order = "AB" if kind.endswith("16") else "ABCD"
    assert decode(encode(value, kind, order), kind, order) == held


def run(instruments, use):
    async def both():
        server = ModbusServer("127.0.0.1", 0, Slaves(instruments))
        await server.start()
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=2, retries=0)
        try:
            assert await client.connect()
            return await use(client)
        finally:
            client.close()
            await server.stop()

    return asyncio.run(both())


def reader(client, table):
    return client.read_input_registers if table == "input" else client.read_holding_registers


def test_several_values_come_in_one_request_and_gaps_are_zeros():
    profile = load("eastron-sdm630", Path())
    device = ModbusDevice(profile, frozenset({"power", "frequency"}), lambda key, now: {"power": 1500.0}.get(key, 60.0))

    async def use(client):
        answer = await client.read_input_registers(0x34, count=0x46 - 0x34 + 2, device_id=1)
        words = answer.registers
        assert decode(words[:2], "float32", "ABCD") == 1500.0
        assert decode(words[-2:], "float32", "ABCD") == 60.0
        assert set(words[2:-2]) == {0}

    run({1: device}, use)


@pytest.mark.parametrize(
    ("table", "address", "count", "unit", "code"),
    [
        ("input", 0x200, 2, 1, 2),  # beyond the last register
        ("input", 0x164, 2 + 2, 1, 2),  # over the end
        ("holding", 0, 2, 1, 2),  # another table
        ("input", 0, 62, 1, 3),  # more than the instrument allows in a request
        ("input", 0, 2, 9, 11),  # nobody behind this unit id
    ],
)
def test_what_an_instrument_does_not_have_is_refused(table, address, count, unit, code):
    device = ModbusDevice(load("eastron-sdm630", Path()), frozenset(), lambda key, now: 0.0)

    async def use(client):
        answer = await reader(client, table)(address, count=count, device_id=unit)
        assert answer.isError()
        assert answer.exception_code == code

    run({1: device}, use)


def test_nobody_writes_into_a_simulated_instrument():
    device = ModbusDevice(load("keller", Path()), frozenset(), lambda key, now: 0.0)

    async def use(client):
        answer = await client.write_register(0x100, 1, device_id=1)
        assert answer.exception_code == 1

    run({1: device}, use)


def test_a_port_in_use_is_said():
    async def twice():
        first = ModbusServer("127.0.0.1", 0, Slaves({}))
        await first.start()
        try:
            with pytest.raises(ConfigurationError, match=str(first.port)):
                await ModbusServer("127.0.0.1", first.port, Slaves({})).start()
        finally:
            await first.stop()

    asyncio.run(twice())


def test_bytes_that_are_no_modbus_end_the_connection():
    async def nonsense():
        server = ModbusServer("127.0.0.1", 0, Slaves({}))
        await server.start()
        try:
            reading, writing = await asyncio.open_connection("127.0.0.1", server.port)
            writing.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await asyncio.wait_for(reading.read(), 5) == b""
            writing.close()
        finally:
            await server.stop()

    asyncio.run(nonsense())


def test_sensors_publish_json_through_a_broker(broker):
    async def listen():
        heard = asyncio.Queue()
        loop = asyncio.get_running_loop()
        client = Client(CallbackAPIVersion.VERSION2)
        client.on_message = lambda *message: loop.call_soon_threadsafe(heard.put_nowait, message[2])
        client.on_connect = lambda *_: client.subscribe("site/#")
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        connection = Connection(transport="mqtt", host="127.0.0.1", port=broker.port, topic="site/room")
        device = Device(key="room", profile="json-temperature-humidity", connection=connection, every_s=0.1)
        profile = load(device.profile, Path())
        sensor = JsonSensor(device, profile, ["temperature"], lambda key, now: 21.4)
        task = asyncio.create_task(Publisher(connection, [(sensor, None)]).run())
        try:
            message = await asyncio.wait_for(heard.get(), 20)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            client.disconnect()
            client.loop_stop()
        return message.topic, json.loads(message.payload)

    assert asyncio.run(listen()) == ("site/room", {"temperature": 21.4})
