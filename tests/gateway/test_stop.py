"""A gateway that is told to stop stops, whatever its readings are doing at that moment."""

import asyncio
from pathlib import Path

import pytest

from vitrine_gateway.instruments import Instruments

from .modbus_server import modbus_server
from .sites import device, site, tcp, write_profile


@pytest.mark.anyio
async def test_readings_end_at_whatever_moment_they_are_cancelled(tmp_path: Path) -> None:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    async with modbus_server() as server:
        server.unit(1).holding = {0: 0, 1: 0}
        whole = site(tmp_path, *(device(f"d{number}", tcp(server.port), every="1 ms") for number in range(3)))
        for turn in range(200):
            running = asyncio.create_task(Instruments(whole, lambda _: True).run())
            await asyncio.sleep(0.01 + turn % 10 / 2000)
            running.cancel()
            done, _ = await asyncio.wait({running}, timeout=20)
            assert done, f"the readings go on after the cancellation in turn {turn}"
