"""The planner: every channel once, no request too long, cheapest, and values on their own channel."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from vitrine.i18n import Text
from vitrine.installation import Connection
from vitrine_gateway.modbus.decode import decode
from vitrine_gateway.modbus.plan import Cost, Request, plan
from vitrine_gateway.profiles import Channel
from vitrine_gateway.profiles.types import WIDTHS

TCP = Cost.of(Connection(transport="tcp"))
SLOW = Cost.of(Connection(transport="rtu", baudrate=9600))


def channel(number: int, address: int, kind: str = "uint16", table: str = "holding") -> Channel:
    order = {1: "AB", 2: "ABCD", 4: "ABCDEFGH"}[WIDTHS[kind]]
    return Channel(
        key=f"c{number}",
        name=Text(),
        unit="1",
        quantity="q",
        decimals=0,
        address=address,
        table=table,
        type=kind,
        order=order,
    )


channels = st.lists(
    st.tuples(
        st.integers(0, 300), st.sampled_from(["uint16", "int32", "uint64"]), st.sampled_from(["input", "holding"])
    ),
    min_size=1,
    max_size=12,
).map(lambda rows: [channel(number, *row) for number, row in enumerate(rows)])


def spans(requests: list[Request]) -> list[tuple[str, int, int]]:
    return [(request.table, request.first, request.count) for request in requests]


def test_neighbours_share_a_request() -> None:
    assert spans(plan([channel(1, 2), channel(2, 0), channel(3, 1)], 125, TCP)) == [("holding", 0, 3)]


def test_tables_are_never_mixed() -> None:
    found = plan([channel(1, 0), channel(2, 1, table="input")], 125, TCP)
    assert spans(found) == [("holding", 0, 1), ("input", 1, 1)]


def test_hole_is_bridged_only_while_it_is_cheaper() -> None:
    near, far = [channel(1, 0), channel(2, 8)], [channel(1, 0), channel(2, 60)]
    assert len(plan(near, 125, SLOW)) == 1
    assert len(plan(far, 125, SLOW)) == 2
    assert len(plan(far, 125, TCP)) == 1


def test_limit_of_the_profile_holds() -> None:
    found = plan([channel(number, number) for number in range(45)], 20, TCP)
    assert [request.count for request in found] == [5, 20, 20] or max(request.count for request in found) <= 20
    assert len(found) == 3


@given(channels, st.lists(st.integers(0, 304), max_size=4), st.sampled_from([TCP, SLOW]))
def test_no_request_reaches_across_a_barrier(wanted: list[Channel], barriers: list[int], cost: Cost) -> None:
    found = plan(wanted, 125, cost, tuple(barriers))
    assert sorted(place.key for request in found for place in request.places) == sorted(one.key for one in wanted)
    for request in found:
        addresses = [place.address for place in request.places]
        assert not any(min(addresses) < barrier <= max(addresses) for barrier in barriers)


@given(channels, st.integers(4, 125), st.sampled_from([TCP, SLOW]))
def test_every_channel_is_read_once_and_lands_on_its_own_registers(
    wanted: list[Channel], most: int, cost: Cost
) -> None:
    memory = {(table, at): random.Random(f"{table}{at}").randrange(65536) for table in ("input", "holding")
              for at in range(310)}  # fmt: skip
    found: dict[str, float | None] = {}
    queue = plan(wanted, most, cost)
    while queue:
        request = queue.pop()
        assert request.count <= most
        if request.holes or (len(request.places) > 1 and random.random() < 0.5):
            queue += request.split()  # as after a refusal
            continue
        words = [memory[request.table, request.first + offset] for offset in range(request.count)]
        for place in request.places:
            assert place.key not in found
            start = place.address - request.first
            found[place.key] = decode(place, words[start : start + place.width])[0]
    oracle = {
        one.key: decode(one, [memory[one.table, one.address + offset] for offset in range(one.width)])[0]
        for one in wanted
    }
    assert found == oracle


@given(channels.filter(lambda many: len(many) <= 7), st.integers(4, 125), st.sampled_from([TCP, SLOW]))
def test_no_other_partition_is_cheaper(wanted: list[Channel], most: int, cost: Cost) -> None:
    found = sum(cost.request + cost.register * request.count for request in plan(wanted, most, cost))
    assert found <= _cheapest_by_force(wanted, most, cost) + 1e-12


def _cheapest_by_force(wanted: list[Channel], most: int, cost: Cost) -> float:
    total = 0.0
    for table in ("input", "holding"):
        places = sorted((one for one in wanted if one.table == table), key=lambda one: (one.address, one.width))
        if not places:
            continue
        prices = []
        for cuts in itertools.product([False, True], repeat=len(places) - 1):
            groups = [[places[0]]]
            for place, cut in zip(places[1:], cuts, strict=True):
                groups.append([place]) if cut else groups[-1].append(place)
            counts = [max(one.address + one.width for one in group) - group[0].address for group in groups]
            if max(counts) <= most:
                prices.append(sum(cost.request + cost.register * count for count in counts))
        total += min(prices)
    return total
