"""Topics and payloads of Sparkplug B, as the specification's tables say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.errors import PayloadError
from vitrine.sparkplug import (
    DataType,
    Message,
    Metric,
    Payload,
    PropertyValue,
    Topic,
    data_payload,
    decode,
    double_metric,
    encode,
    int64_metric,
    string_metric,
)
from vitrine.sparkplug.schema import PayloadMessage

INTEGERS = [
    (DataType.INT8, -128, 127),
    (DataType.INT16, -(2**15), 2**15 - 1),
    (DataType.INT32, -(2**31), 2**31 - 1),
    (DataType.INT64, -(2**63), 2**63 - 1),
    (DataType.UINT8, 0, 255),
    (DataType.UINT16, 0, 2**16 - 1),
    (DataType.UINT32, 0, 2**32 - 1),
    (DataType.UINT64, 0, 2**64 - 1),
    (DataType.DATETIME, 0, 2**63),
]


@pytest.mark.parametrize(("datatype", "low", "high"), INTEGERS)
def test_integers_come_back_at_both_ends(datatype: DataType, low: int, high: int) -> None:
    for value in (low, high, 0, 1):
        payload = Payload(metrics=(Metric(name="x", datatype=datatype, value=value),))
        assert decode(encode(payload)) == payload


@given(
    st.builds(
        Metric,
        name=st.text(min_size=1, max_size=20),
        alias=st.none() | st.integers(0, 2**32),
        timestamp=st.none() | st.integers(0, 2**45),
        datatype=st.just(DataType.DOUBLE),
        value=st.none() | st.floats(allow_nan=False),
        historical=st.booleans(),
        properties=st.dictionaries(
            st.text(max_size=5),
            st.builds(PropertyValue, st.just(DataType.STRING), st.none() | st.text(max_size=9)),
            max_size=3,
        ),
    )
)
def test_a_metric_survives_the_wire(metric: Metric) -> None:
    payload = Payload(timestamp=1_700_000_000_000, seq=0, metrics=(metric,))
    assert decode(encode(payload)) == payload


def test_zero_is_present_on_the_wire() -> None:
    message = PayloadMessage()
    message.ParseFromString(encode(Payload(timestamp=0, seq=0)))
    assert message.HasField("seq")
    assert message.HasField("timestamp")


def test_data_take_their_type_from_the_birth_and_do_not_repeat_it() -> None:
    data = encode(Payload(metrics=(Metric(alias=7, value=3),)), {7: DataType.DOUBLE})
    metric = decode(data).metrics[0]
    assert (metric.value, metric.datatype) == (3.0, None)


def test_the_narrow_form_of_a_negative_number_is_read() -> None:
    message = PayloadMessage()
    metric = message.metrics.add(name="x", datatype=int(DataType.INT8))
    metric.int_value = 0xFF
    assert decode(message.SerializeToString()).metrics[0].value == -1


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused_with_a_reason(data: bytes) -> None:
    try:
        decode(data)
    except PayloadError as error:
        assert "Sparkplug" in str(error)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("spBv1.0/g/NBIRTH/n", Topic("g", Message.NBIRTH, "n")),
        ("spBv1.0/g/DDATA/n/d", Topic("g", Message.DDATA, "n", "d")),
    ],
)
def test_a_topic_is_read_as_it_is_written(text: str, topic: Topic) -> None:
    assert Topic.parse(text) == topic
    assert str(topic) == text


@pytest.mark.parametrize(
    "text",
    [
        "spAv1.0/g/NBIRTH/n",
        "spBv1.0/g/NBIRTH",
        "spBv1.0/g/NBIRTH/n/d",
        "spBv1.0/g/DDATA/n",
        "spBv1.0/g/WHAT/n",
        "spBv1.0//NDATA/n",
    ],
)
def test_a_wrong_topic_is_refused(text: str) -> None:
    with pytest.raises(PayloadError, match="topic"):
        Topic.parse(text)


def _wire() -> st.SearchStrategy[bytes]:
    """Return payloads whose fields hold anything, among them texts that are not UTF-8 and deep nesting."""
    number = st.integers(1, 20)
    leaf = st.one_of(
        st.builds(lambda n, v: bytes([n << 3]) + bytes([v & 0x7F]), st.integers(1, 15), st.integers(0, 127)),
        st.builds(lambda n, v: _bytes_field(n, v), number, st.binary(max_size=20)),
        st.builds(lambda n, v: _key(n, 5) + v, number, st.binary(min_size=4, max_size=4)),
    )
    return st.recursive(
        st.lists(leaf, max_size=6).map(b"".join),
        lambda inner: st.lists(st.one_of(leaf, st.builds(_bytes_field, number, inner)), max_size=5).map(b"".join),
        max_leaves=25,
    )


def _key(number: int, kind: int) -> bytes:
    key = number << 3 | kind
    return bytes([key]) if key < 128 else bytes([key & 0x7F | 0x80, key >> 7])


def _bytes_field(number: int, body: bytes) -> bytes:
    size = len(body)
    return _key(number, 2) + (bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])) + body


@given(_wire())
def test_a_hostile_payload_is_read_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        payload = decode(_bytes_field(2, data) + data)
    except PayloadError:
        return
    for metric in payload.metrics:
        assert isinstance(metric.name, str)
        assert metric.value is None or isinstance(metric.value, bool | int | float | str | bytes)
        assert not metric.refused or metric.value is None


def test_what_is_nested_too_deep_is_refused() -> None:
    data = b""
    for _ in range(300):
        data = _long_field(2, _long_field(18, data))
    with pytest.raises(PayloadError):
        decode(data)


def _long_field(number: int, body: bytes) -> bytes:
    size, digits = len(body), bytearray()
    while True:
        digits.append(size & 0x7F | (0x80 if size > 127 else 0))
        size >>= 7
        if not size:
            return _key(number, 2) + bytes(digits) + body


@pytest.mark.parametrize("field", ["dataset_value", "template_value"])
def test_a_value_that_is_not_read_says_what_it_was(field: str) -> None:
    message = PayloadMessage()
    metric = message.metrics.add(name="x")
    getattr(metric, field).SetInParent()
    (read,) = decode(message.SerializeToString()).metrics
    assert (read.value, read.refused) == (None, field)


ALIASES, INSTANTS = st.integers(0, 2**63), st.integers(0, 2**63)


@given(
    INSTANTS,
    st.integers(0, 255),
    st.lists(
        st.one_of(
            st.tuples(st.just(DataType.DOUBLE), ALIASES, INSTANTS, st.booleans(), st.floats()),
            st.tuples(st.just(DataType.INT64), ALIASES, INSTANTS, st.booleans(), st.integers(-(2**63), 2**63 - 1)),
            st.tuples(st.just(DataType.STRING), ALIASES, INSTANTS, st.booleans(), st.text(max_size=200)),
        ),
        max_size=5,
    ),
)
def test_data_are_the_bytes_that_the_protobuf_runtime_writes(
    timestamp: int, seq: int, metrics: list[tuple[DataType, int, int, bool, object]]
) -> None:
    writers = {DataType.DOUBLE: double_metric, DataType.INT64: int64_metric, DataType.STRING: string_metric}
    ours = [writers[kind](alias, at, value, historical=historical) for kind, alias, at, historical, value in metrics]
    theirs = Payload(
        timestamp=timestamp,
        seq=seq,
        metrics=tuple(
            Metric(alias=alias, timestamp=at, value=value, historical=historical)
            for _, alias, at, historical, value in metrics
        ),
    )
    assert data_payload(timestamp, seq, ours) == encode(theirs)
