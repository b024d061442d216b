import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from .host import Host
from .processes import end_all


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def host_on() -> Iterator[Callable[..., Awaitable[Host]]]:
    """Connect host applications of a test, and close them."""
    hosts: list[Host] = []

    async def connect(port: int, **options: bool) -> Host:
        hosts.append(await asyncio.to_thread(lambda: Host(port, **options)))
        return hosts[-1]

    yield connect
    for host in hosts:
        host.close()


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    """Leave no gateway running behind a test."""
    yield
    end_all()
