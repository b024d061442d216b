"""Numbered samples from the register to the downloaded file, while collector and broker are killed."""

import datetime
import io
import json
import os
import subprocess
import time
import zipfile

import psycopg
import pyarrow.parquet
import pytest

from tests.acceptance.way import Way, until
from vitrine_demo.processes import stop, vitrine
from vitrine_simulators.plants import CountingPlant

pytestmark = [pytest.mark.acceptance, pytest.mark.plain, pytest.mark.timeout(900)]
OUTAGE_S = float(os.environ.get("VITRINE_TEST_OUTAGE_SECONDS", "30"))


@pytest.fixture
def way(tmp_path, plain_server, broker):
    with psycopg.connect(plain_server.dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS acceptance WITH (FORCE)")
        connection.execute("CREATE DATABASE acceptance")
    way = Way(tmp_path, plain_server.database("acceptance"), broker)
    way.start()
    yield way
    way.end()


def grows(way, by=20):
    before = max(map(max, way.numbers().values()), default=0)
    until(lambda: max(map(max, way.numbers().values()), default=0) >= before + by, 90, "numbers arrive")


def test_every_sample_is_written_once_though_collector_and_broker_are_killed(way, tmp_path):
    begin = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    grows(way)

    way.kill(way.collector)
    time.sleep(OUTAGE_S)
    way.collector.start()
    grows(way)

    way.broker.kill()
    time.sleep(OUTAGE_S)
    way.broker.start()
    grows(way)

    # Instruments fall silent first, so that the numbers given are all there will ever be
    stop([way.simulator])
    served = CountingPlant.served(way.served)
    until(lambda: {path: len(found) for path, found in way.numbers().items()} == lengths(served), 120, "all arrived")
    assert way.numbers() == served
    assert len(served["fast/wide"]) > 2 * OUTAGE_S / 0.2

    package = download(way, begin)
    assert packaged(package) == served
    (tmp_path / "package.zip").write_bytes(package)
    verdict = verify(tmp_path / "package.zip")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr

    changed = bytearray(package)
    changed[len(changed) // 2] ^= 1
    (tmp_path / "changed.zip").write_bytes(changed)
    assert verify(tmp_path / "changed.zip").returncode != 0


def lengths(numbers):
    return {path: len(found) for path, found in numbers.items()}


def download(way, begin):
    time.sleep(1)  # a period ends on a whole second, and the last sample must lie before it
    end = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    body = {
        "installation": "numeros",
        "name": "suite",
        "title": {"fr": "Suite de numéros", "en": "Series of numbers"},
        "from": begin.isoformat(),
        "to": end.isoformat(),
    }
    status, answer = way.ask("POST", "/api/v1/datasets", body)
    assert status == 202, answer
    address = f"/api/v1/datasets/{json.loads(answer)['slug']}"

    def built():
        state = json.loads(way.ask("GET", address)[1])
        assert state["build"] != "failed", state["error"]
        return state["build"] == "done"

    until(built, 120, "the dataset is built")
    status, package = way.ask("GET", f"{address}/download")
    assert status == 200
    return package


def packaged(package):
    """Return the numbers in the package's Parquet files."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        for name in archive.namelist():
            if name.endswith(".parquet"):
                table = pyarrow.parquet.read_table(io.BytesIO(archive.read(name))).to_pylist()
                for row in sorted(table, key=lambda row: row["time_utc"]):
                    if row["value"] is not None:
                        found.setdefault(row["series_id"], []).append(int(row["value"]))
    return found


def verify(file):
    """Check a package as a stranger would: without a database, without a broker."""
    environment = {key: value for key, value in os.environ.items() if "VITRINE" not in key and key != "DATABASE_URL"}
    return subprocess.run(
        vitrine("dataset", "verify", str(file)), env=environment, capture_output=True, text=True, check=False
    )
