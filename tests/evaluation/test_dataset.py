"""Datasets: built from a database, verified without one, and every change found and named."""

import gzip
import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import zipfile
import zlib
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from vitrine.errors import DatasetError
from vitrine.settings import Settings
from vitrine_database.connection import connect
from vitrine_evaluation.dataset import bag, request
from vitrine_evaluation.dataset.archive import pack
from vitrine_evaluation.dataset.build import BusyError, build
from vitrine_evaluation.dataset.verify import main, tell, verify

from .conftest import FIRST, FIRST_US, LAST, build_seeded, measure, minutes_of


@pytest.fixture(scope="module")
def package(plain_server, tmp_path_factory):
    """One package for all tests that only read it, with its row."""
    from tests.servers.templates import clone, template

    with clone(plain_server, template(plain_server, "evaluation_seeded", build_seeded)) as url, connect(url) as opened:
        place = Settings(VITRINE_DATABASE_URL=url, data_dir=tmp_path_factory.mktemp("data"))
        row = request.create(opened, "pilote", FIRST, LAST, "essai", created_by="test")
        built = build(place, row["dataset_id"])
        yield request.path(place, built), built


@pytest.fixture
def unpacked(package, tmp_path):
    with zipfile.ZipFile(package[0]) as archive:
        archive.extractall(tmp_path)
    return tmp_path / package[0].stem


def packed_again(folder, *, sums=True):
    """Pack a changed folder as one who forges would: with new manifests, and the descriptor's sums too."""
    if sums:
        descriptor = folder / "data/datapackage.json"
        document = json.loads(descriptor.read_text())
        for resource in document["resources"]:
            file = folder / "data" / resource["path"]
            if file.exists():
                resource |= {"bytes": file.stat().st_size, "hash": f"sha256:{bag.sha256(file)}"}
        descriptor.write_text(json.dumps(document))
        bag.write(folder, [])
    target = folder.parent / "again.zip"
    pack(folder, target)
    return target


def found(report):
    return {finding.key for check in report.checks for finding in check.findings}


def test_a_package_holds_what_it_states(package):
    file, row = package
    report = verify(file)
    assert report.holds, tell(report, "en")
    assert row["build"] == "done"
    assert row["state"] == "provisional"
    assert row["progress"] == 1
    assert row["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert row["rows"] == row["summary"]["rows"] == 11_896
    assert row["summary"]["quality"] == {"pass": 9207, "not_evaluated": 2680, "suspect": 3, "fail": 1, "missing": 5}
    removal = next(one for one in row["summary"]["indicators"] if one["key"] == "removal")
    assert removal["hour"]["periods"] == 48
    assert removal["hour"]["with_value"] == 44
    assert removal["day"]["with_value"] == 1


def test_the_layout_is_that_of_the_design(package):
    with zipfile.ZipFile(package[0]) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
        readme = archive.read("vitrine_pilote_essai_v1.0.0/data/README.fr.md").decode()
        descriptor = json.loads(archive.read("vitrine_pilote_essai_v1.0.0/data/datapackage.json"))
    assert {"bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"} <= names
    for name in [
        "datapackage.json",
        "ro-crate-metadata.json",
        "README.fr.md",
        "README.en.md",
        "LICENSE.txt",
        "CITATION.cff",
        "observations/feed.parquet",
        "observations/feed.csv.gz",
        "instruments/sensors.csv",
        "instruments/calibrations.csv",
        "qc/rules.json",
        "qc/quality-report.fr.html",
        "qc/quality-report.en.html",
        "indicators/definitions.json",
        "indicators/hour.csv",
        "indicators/day.csv",
        "installation/pilote.toml",
        "evidence/delivery.csv",
        "evidence/losses.csv",
        "provenance/software.json",
    ]:
        assert f"data/{name}" in names
    assert "validées par personne" in readme
    assert "Données simulées" in readme
    units = {one["series_id"]: one["unit"] for res in descriptor["resources"] for one in res.get("series", [])}
    assert units["feed/turbidity"] == "{NTU}"


def test_the_observations_are_those_of_the_database(unpacked):
    table = pq.read_table(unpacked / "data/observations/feed.parquet")
    with gzip.open(unpacked / "data/observations/feed.csv.gz", "rt") as file:
        lines = file.read().splitlines()
    assert lines[0] == "time_utc,series_id,value,qc,qc_bits"
    assert lines[1] == "2026-03-01T00:00:05.000000Z,feed/flow,6,1,0"
    assert lines[301] == "2026-03-01T05:00:05.000000Z,feed/flow,,9,128"
    assert len(lines) == table.num_rows + 1


def test_what_was_not_delivered_is_told(unpacked):
    rows = (unpacked / "data/evidence/delivery.csv").read_text().splitlines()
    assert rows[1].split(",")[1:6] == ["5f0c7b3e-7a1c-4a7e-9f51-0b8ad1d4d5a1", '"1-500', '503-600"', "501", "502"]


def test_the_same_data_give_the_same_bytes(connection, place):
    row = request.create(connection, "pilote", FIRST, LAST)
    first = build(place, row["dataset_id"])
    again = build(place, row["dataset_id"])
    assert first["file_sha256"] == again["file_sha256"]
    assert [file.name for file in (place.data_dir / "datasets").iterdir()] == [first["file_name"]]


def _reads_alike(one, other, name):
    """Tell whether two archives give the same bytes for a file."""
    try:
        with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
            inside = next(entry.filename for entry in first.infolist() if entry.filename.partition("/")[2] == name)
            return first.read(inside) == second.read(inside)
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, KeyError):
        return False


def test_every_changed_byte_is_found_and_named(package, tmp_path):
    whole = package[0].read_bytes()
    with zipfile.ZipFile(package[0]) as archive:
        spans = [(entry.header_offset, entry.filename.partition("/")[2]) for entry in archive.infolist()]
        start_of_directory = archive.start_dir
    begins = {name: offset + 30 + len(package[0].stem) + 1 + len(name) for offset, name in spans}
    chance = random.Random(20260301)
    places = [chance.randrange(len(whole)) for _ in range(25)]
    places += [chance.randrange(start_of_directory, len(whole)) for _ in range(15)]
    places += [chance.choice(spans)[0] + chance.randrange(60) for _ in range(15)]
    changed = tmp_path / "changed.zip"
    for at in places:
        flipped = whole[at] ^ (1 << chance.randrange(8))
        changed.write_bytes(whole[:at] + bytes([flipped]) + whole[at + 1 :])
        report = verify(changed)
        assert not report.holds, at
        told = tell(report, "en")
        holder = next((name for offset, name in reversed(spans) if offset <= at), "")
        # Deflate leaves bits unused at the end of a file: such a byte is one of the archive's, not of the file.
        if begins[holder] <= at < start_of_directory and not _reads_alike(package[0], changed, holder):
            assert holder in told, (at, told)
        else:
            assert "archive" in told.split("\n")[1]
            assert told.split("\n")[1].startswith("×"), told


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"no zip at all" * 100, b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(500)],
    ids=["empty", "two bytes", "text", "empty zip", "header only"],
)
def test_garbage_is_told_in_words(tmp_path, content):
    file = tmp_path / "garbage.zip"
    file.write_bytes(content)
    report = verify(file)
    assert not report.holds
    assert found(report) <= {"archive_damaged", "no_folder", "archive_no_seal"}


def test_a_truncated_archive_is_told_in_words(package, tmp_path):
    whole = package[0].read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        file = tmp_path / "cut.zip"
        file.write_bytes(whole[: int(len(whole) * share)])
        assert "archive_damaged" in found(verify(file))


def test_a_zip_bomb_is_refused(tmp_path):
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vitrine_x_v1.0.0/data/zeros.csv", bytes(500_000_000))
    report = verify(file)
    assert "would unpack" in tell(report, "en")


def test_a_name_that_leads_out_is_refused(tmp_path):
    file = tmp_path / "out.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("vitrine_x_v1.0.0/bagit.txt", bag.DECLARATION)
        archive.writestr("vitrine_x_v1.0.0/../../../escaped.txt", "x")
    assert "unreadable" in found(verify(file))
    assert not (tmp_path.parent / "escaped.txt").exists()


def test_a_missing_file_there_is_none(tmp_path):
    with pytest.raises(DatasetError, match="there is no file"):
        verify(tmp_path / "none.zip")


def change_text(name, before, after):
    def change(folder):
        file = folder / "data" / name
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after, 1))

    return change


def change_csv(before, after):
    def change(folder):
        file = folder / "data/observations/feed.csv.gz"
        text = gzip.decompress(file.read_bytes()).decode()
        assert before in text
        file.write_bytes(gzip.compress(text.replace(before, after, 1).encode(), mtime=0))

    return change


def remove(name):
    return lambda folder: (folder / "data" / name).unlink()


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        (change_text("instruments/sensors.csv", "kW.h", "MJ"), {"definition", "indicator"}),
        (change_text("instruments/sensors.csv", "kW.h", "kWh"), {"definition"}),
        (change_text("instruments/sensors.csv", ",2880,", ",many,"), {"cell"}),
        (change_text("indicators/hour.csv", ",removal,1,", ",removal,1,1"), {"indicator"}),
        (change_text("indicators/definitions.json", "1 - mean", "2 - mean"), {"indicator"}),
        (change_text("indicators/definitions.json", "[\n          3.0", "[\n          3.5"), {"indicator"}),
        (change_text("indicators/day.csv", "bucket_utc", "bucket"), {"columns"}),
        (change_text("qc/rules.json", '"gross_range_suspect": [\n        0.2', '"gross_range_suspect": [\n        7'), {"range_flag"}),
        (change_text("qc/rules.json", "{", "["), {"not_readable"}),
        (change_csv("00:00:05.000000Z,feed/flow,6,", "00:00:05.000000Z,feed/flow,6.01,"), {"differs"}),
        (change_csv("feed/flow,6,1,0\n", "feed/flow,6,1,0\n2026-03-01T00:00:05.000000Z,feed/flow,6,1,0\n"), {"differs"}),
        (change_csv("feed/flow,6,1", "feed/flow,six,1"), {"not_readable"}),
        (remove("observations/feed.csv.gz"), {"described_missing"}),
        (remove("qc/overrides.csv"), {"described_missing"}),
        (lambda folder: (folder / "data/observations/more.csv").write_text("a\n1\n"), {"not_described"}),
    ],
)  # fmt: skip
def test_a_forged_package_is_found_even_with_new_checksums(unpacked, change, keys):
    change(unpacked)
    report = verify(packed_again(unpacked))
    assert not report.holds
    assert found(report) & keys, tell(report, "en")


def test_an_honest_package_may_be_packed_again(unpacked):
    assert verify(packed_again(unpacked, sums=False)).holds


def test_wrong_missing_and_extra_files_are_named(unpacked):
    (unpacked / "data/README.en.md").write_text("changed")
    (unpacked / "data/LICENSE.txt").unlink()
    (unpacked / "data/notes.txt").write_text("x")
    told = tell(verify(packed_again(unpacked, sums=False)), "en")
    assert "data/README.en.md has changed" in told
    assert "data/LICENSE.txt is missing" in told
    assert "data/notes.txt is extra" in told


def test_verification_needs_no_network(package, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("no network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert verify(package[0]).holds


def test_verification_needs_only_its_own_packages(package):
    """In a process of its own: neither database, nor queue, nor web, nor settings are imported."""
    script = (
        "import sys, runpy\n"
        "class Refuse:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name.split('.')[0] in FORBIDDEN: raise ModuleNotFoundError(name)\n"
        "FORBIDDEN = {'psycopg', 'psycopg_pool', 'procrastinate', 'pydantic', 'pydantic_settings', 'jinja2', 'fastapi',\n"
        "             'adbc_driver_postgresql', 'scipy', 'pandas', 'structlog', 'vitrine_database', 'vitrine_collector'}\n"
        "sys.meta_path.insert(0, Refuse())\n"
        f"sys.argv = ['verify', {str(package[0])!r}]\n"
        "runpy.run_module('vitrine_evaluation.dataset.verify', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "fr_CA.UTF-8"},
    )
    assert done.returncode == 0, done.stderr
    assert "Le paquet tient ce qu’il énonce." in done.stdout


def test_the_command_returns_what_it_found(package, tmp_path, capsys):
    assert main([str(package[0]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True
    assert main([str(tmp_path / "none.zip")]) == 1
    (tmp_path / "x.zip").write_bytes(b"x")
    assert main([str(tmp_path / "x.zip")]) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"installation_slug": "nowhere"}, "no installation"),
        ({"last": FIRST}, "ends before it begins"),
        ({"last": FIRST + timedelta(days=36500)}, "not over"),
        ({"first": FIRST - timedelta(days=9), "last": FIRST - timedelta(days=8)}, "no measurement"),
        ({"name": "Grand Essai"}, "cannot be the name"),
        ({"name": "../x"}, "cannot be the name"),
    ],
)
def test_a_request_that_cannot_be_met_says_why(connection, changes, words):
    with pytest.raises(DatasetError, match=words):
        request.create(connection, **({"installation_slug": "pilote", "first": FIRST, "last": LAST} | changes))


def test_a_name_is_given_once(connection):
    request.create(connection, "pilote", FIRST, LAST, "essai")
    with pytest.raises(DatasetError, match="already"):
        request.create(connection, "pilote", FIRST, LAST, "essai")


def test_a_stopped_build_leaves_nothing_and_begins_anew(connection, place):
    row = request.create(connection, "pilote", FIRST, LAST)

    class StoppedError(Exception):
        pass

    def stop(share, stage):
        if stage == "packing":
            raise StoppedError

    with pytest.raises(StoppedError):
        build(place, row["dataset_id"], stop)
    assert list((place.data_dir / "datasets").iterdir()) == []
    assert build(place, row["dataset_id"])["build"] == "done"


def test_two_builds_of_one_dataset_do_not_mix(connection, place):
    row = request.create(connection, "pilote", FIRST, LAST)

    def second(share, stage):
        with pytest.raises(BusyError):
            build(place, row["dataset_id"])

    assert build(place, row["dataset_id"], second)["build"] == "done"


def test_a_period_of_part_hours_states_whole_ones_only(connection, place):
    row = request.create(connection, "pilote", FIRST + timedelta(minutes=90, seconds=7), LAST - timedelta(minutes=1))
    built = build(place, row["dataset_id"])
    assert verify(request.path(place, built)).holds
    assert built["summary"]["indicators"][0]["hour"]["periods"] == 45
    assert built["summary"]["indicators"][0]["day"]["periods"] == 0


def test_what_other_edge_nodes_bring_is_packed_too(connection, place):
    """Names and units that our gateways would not give, and a channel without a value in the period."""
    device = connection.execute(
        "INSERT INTO device (gateway_id, key) SELECT gateway_id, '../a, \"b\" é' FROM gateway RETURNING device_id"
    ).fetchone()[0]
    channels = connection.execute(
        "INSERT INTO channel (installation_id, device_id, key, path, name, unit)"
        ' SELECT installation_id, %s, key, \'../a, "b" é/\' || key, \'{"fr": "", "en": ""}\', \'furlong\''
        " FROM installation, unnest(ARRAY['x,y', 'z']) AS key RETURNING installation_id, channel_id",
        (device,),
    ).fetchall()
    measure(connection, *channels[0], minutes_of(FIRST_US, 10), [1e-300, -0.0, 0.1, 1e22, 5e-324, 1 / 3, 2, 3, 4, 5], 2)
    row = build(place, request.create(connection, "pilote", FIRST, LAST)["dataset_id"])
    report = verify(request.path(place, row))
    assert report.holds, tell(report, "en")
    assert "furlong" in tell(report, "fr")
