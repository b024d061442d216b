"""What instruments gave, held against what the database holds and against what it says is missing."""

from __future__ import annotations

import datetime
import itertools
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg

from tests.acceptance.chaos import Chaos
from vitrine_database.connection import connect
from vitrine_database.evidence import Gaps
from vitrine_database.gaps import gaps

#: A number may be on its way from the instrument to the gateway's disk when the gateway is killed.
IN_FLIGHT_S = 2.0
PERIODS_S = {"fast": 0.2, "slow": 1.0}


class Given(NamedTuple):
    """One number, and when it was given (seconds since 1970)."""

    number: int
    at: float


@dataclass
class Account:
    """The result of one run, over all sites and channels."""

    given: int = 0
    stored: int = 0
    #: In the instrument's log, neither in the database nor in flight at a kill nor noted as unread.
    lost: list[str] = field(default_factory=list)
    #: In the database more than once, or out of order.
    doubled: list[str] = field(default_factory=list)
    #: In the database, though no instrument gave them.
    invented: list[str] = field(default_factory=list)
    #: On their way from the instrument to the disk when the gateway was killed.
    in_flight: int = 0
    #: Given, but noted as unread by the gateway: a row without a value.
    unread: int = 0
    #: Where the platform's evidence differs from what happened.
    contradicted: list[str] = field(default_factory=list)
    unheard: int = 0
    records: int = 0
    repeated: int = 0
    silences: int = 0

    @property
    def clean(self) -> bool:
        """True where nothing is lost, doubled or invented and the evidence is true."""
        return not (self.lost or self.doubled or self.invented or self.contradicted)


def account(chaos: Chaos) -> Account:
    """Compare, site by site and channel by channel."""
    found = Account()
    with connect(chaos.database.url) as connection:
        for site in chaos.sites:
            given = _given(chaos, site)
            stored, unread = _stored(connection, site)
            for path, numbers in given.items():
                _compare(found, chaos, f"{site}/{path}", numbers, stored.get(path, []), unread.get(path, []))
            _judge_evidence(found, connection, site, given, stored)
        found.unheard = _unheard(connection, found)
    return found


def _unheard(connection: psycopg.Connection, found: Account) -> int:
    """Count messages refused as no birth of a new node had been heard; its queue sent their records again."""
    counts = dict(connection.execute("SELECT code, count(*) FROM rejected GROUP BY code").fetchall())
    unheard = int(counts.pop("no-birth", 0))
    found.contradicted += [f"{count} messages are refused: {code}" for code, count in counts.items()]
    return unheard


def _given(chaos: Chaos, site: str) -> dict[str, list[Given]]:
    found: defaultdict[str, list[Given]] = defaultdict(list)
    for line in chaos.served_log(site).read_text(encoding="utf-8").splitlines():
        path, number, at = line.split(" ")
        found[path].append(Given(int(number), float(at)))
    return dict(found)


def _stored(connection: psycopg.Connection, site: str) -> tuple[dict[str, list[Given]], dict[str, list[float]]]:
    stored: defaultdict[str, list[Given]] = defaultdict(list)
    unread: defaultdict[str, list[float]] = defaultdict(list)
    rows = connection.execute(
        "SELECT path, extract(epoch FROM time)::float8, value FROM measurement JOIN channel USING (channel_id)"
        " JOIN installation USING (installation_id) WHERE slug = %s ORDER BY path, time",
        [site],
    )
    for path, at, value in rows:
        if value is None:
            unread[path].append(at)
        else:
            stored[path].append(Given(int(value), at))
    return dict(stored), dict(unread)


def _compare(
    found: Account, chaos: Chaos, name: str, given: list[Given], stored: list[Given], unread: list[float]
) -> None:
    numbers = [one.number for one in stored]
    held = set(numbers)
    found.given += len(given)
    found.stored += len(numbers)
    found.doubled += [f"{name} {b} after {a}" for a, b in itertools.pairwise(numbers) if b <= a]
    found.invented += [f"{name} {number}" for number in sorted(held - {one.number for one in given})]
    kills, empty = list(chaos.kills(name.split("/")[0])), list(unread)
    for one in given:
        if one.number in held:
            continue
        if _taken(kills, lambda kill, at=one.at: at <= kill <= at + IN_FLIGHT_S):
            found.in_flight += 1
        elif _taken(empty, lambda at, given_at=one.at: abs(at - given_at) <= 2 * IN_FLIGHT_S):
            found.unread += 1
        else:
            found.lost.append(f"{name} {one.number}, given at {_clock(one.at)}")


def _taken(reasons: list[float], fits: Callable[[float], bool]) -> bool:
    """Use up one reason that fits: a kill explains one number of a channel, not more."""
    for index, reason in enumerate(reasons):
        if fits(reason):
            del reasons[index]
            return True
    return False


def _judge_evidence(
    found: Account,
    connection: psycopg.Connection,
    site: str,
    given: dict[str, list[Given]],
    stored: dict[str, list[Given]],
) -> None:
    first = datetime.datetime.fromtimestamp(min(numbers[0].at for numbers in given.values()) - 1, datetime.UTC)
    evidence = gaps(connection, site, first, datetime.datetime.now(datetime.UTC))
    _judge_queues(found, connection, site, evidence)
    for path, numbers in stored.items():
        period = PERIODS_S[path.split("/")[0]]
        told = [
            (silence.first_time.timestamp(), silence.last_time.timestamp())
            for silence in evidence.silences
            if silence.path == path and silence.last_time.timestamp() < numbers[-1].at + period / 2
        ]
        held = {one.number for one in numbers}
        seen = [one.at for one in given[path] if one.number in held]
        real = list(itertools.pairwise(seen))
        found.silences += len(told)
        for begin, end in told:
            if not any(b - a > 2 * period and a - period < end and begin < b + period for a, b in real):
                found.contradicted.append(
                    f"{site}/{path}: a silence from {_clock(begin)} to {_clock(end)} that was none"
                )
        for a, b in real:
            if b - a > 4 * period and not any(begin < b + period and a - period < end for begin, end in told):
                found.contradicted.append(f"{site}/{path}: no word of the silence from {_clock(a)} to {_clock(b)}")


def _judge_queues(found: Account, connection: psycopg.Connection, site: str, evidence: Gaps) -> None:
    if len(evidence.queues) != 1:
        found.contradicted.append(f"{site}: {len(evidence.queues)} queues instead of one")
        return
    queue = evidence.queues[0]
    row = connection.execute(
        "SELECT count(*) FROM (SELECT DISTINCT device_id, time FROM measurement JOIN channel USING (channel_id)"
        " JOIN installation USING (installation_id) WHERE slug = %s) AS reading",
        [site],
    ).fetchone()
    assert row is not None
    found.records += queue.held_count
    found.repeated += queue.repeated
    if queue.held != f"{{[1,{queue.held_count + 1})}}" or queue.awaited_count or queue.lost_count:
        found.contradicted.append(f"{site}: records {queue.held} held, {queue.awaited} awaited, {queue.lost} lost")
    if queue.held_count != row[0]:
        found.contradicted.append(f"{site}: {queue.held_count} records are held, {row[0]} readings are in the database")
    if evidence.losses:
        found.contradicted.append(f"{site}: losses reported though nothing was lost: {evidence.losses}")


def _clock(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%H:%M:%S.%f")[:-3]


def settled(chaos: Chaos, seconds: float = 180.0) -> Account:
    """Return the account once it is clean, or after a time that is ample: queues are drained meanwhile."""
    end = time.monotonic() + seconds
    while not (found := account(chaos)).clean and time.monotonic() < end:
        time.sleep(1)
    return found
