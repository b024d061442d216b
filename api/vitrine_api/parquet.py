"""Measurements as Parquet: Arrow record batches from the database, one row group each, written as they come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from vitrine_api.export import ExportedChannel, Order

_TIME = pa.timestamp("us", tz="UTC")
_TYPES = {"time": _TIME, "quality": pa.int8(), "tests": pa.int16(), "count": pa.int64(), "good": pa.int64()}
#: Bytes of one Arrow batch, hence of one row group: what an export holds in memory.
_BATCH_BYTES = 8 * 2**20


class Outlet:
    """A file that can only be written; what was written is taken out again."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, data: bytes) -> int:
        """Keep bytes until they are taken."""
        self._parts.append(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        """Return how much was written."""
        return self._position

    def flush(self) -> None:
        """Do nothing: there is no buffer below."""

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken

    def close(self) -> None:
        """Refuse further writes."""
        self.closed = True

    def readable(self) -> bool:
        """Tell pyarrow that nothing can be read."""
        return False

    def writable(self) -> bool:
        """Tell pyarrow that bytes can be written."""
        return not self.closed

    def seekable(self) -> bool:
        """Tell pyarrow that there is no way back."""
        return False


class ParquetProducer:
    """Parquet, compressed with Zstandard, channel by channel in order of time."""

    def __init__(self, url: str, order: Order) -> None:
        self._order = order
        self._literals = psycopg.ClientCursor(psycopg.connect(url, autocommit=True, connect_timeout=5))
        self._connection = adbc.connect(url)
        self._cursor: Any = self._connection.cursor(
            adbc_stmt_kwargs={"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
        )
        self._schema = _schema(order)

    def blocks(self) -> Iterator[bytes]:
        """Yield blocks until the end."""
        outlet = Outlet()
        with pq.ParquetWriter(outlet, self._schema, compression="zstd", compression_level=1) as writer:
            for channel in self._order.channels:
                for batch in self._batches(channel):
                    writer.write_batch(self._fitted(batch, channel))
                    yield outlet.take()
        yield outlet.take()

    def cancel(self) -> None:
        """Ask the database to stop."""
        self._cursor.adbc_cancel()

    def close(self) -> None:
        """Close both connections."""
        self._cursor.close()
        self._connection.close()
        self._literals.connection.close()

    def _batches(self, channel: ExportedChannel) -> Iterator[pa.RecordBatch]:
        sql, values = self._order.statement("rows", channel)
        # Parameters would make ADBC fetch row by row; psycopg writes them into the statement, quoted.
        self._cursor.execute(self._literals.mogrify(sql, values))
        with closing(self._cursor.fetch_record_batch()) as reader:
            yield from reader

    def _fitted(self, batch: pa.RecordBatch, channel: ExportedChannel) -> pa.RecordBatch:
        path = pa.DictionaryArray.from_arrays(pa.array([0] * batch.num_rows, pa.int32()), pa.array([channel.path]))
        columns = {name: batch.column(name) for name in batch.schema.names} | {"channel": path}
        return pa.RecordBatch.from_arrays(
            [columns[field.name].cast(field.type) for field in self._schema], schema=self._schema
        )


def _schema(order: Order) -> pa.Schema:
    time, *others = order.columns
    fields = [pa.field(time, _TIME, nullable=False), pa.field("channel", pa.dictionary(pa.int32(), pa.string()))]
    fields += [pa.field(name, _TYPES.get(name, pa.float64())) for name in others]
    units = {f"unit:{channel.path}": channel.unit for channel in order.channels}
    return pa.schema(fields, metadata={"installation": order.installation, "resolution": order.resolution, **units})
