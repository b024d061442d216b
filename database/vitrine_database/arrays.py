"""NumPy's arrays as parameters of a query: written as PostgreSQL's binary arrays at once, not element by element."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from psycopg import ProgrammingError
from psycopg.abc import DumperKey, PyFormat
from psycopg.adapt import Dumper
from psycopg.postgres import types
from psycopg.pq import Format

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: By NumPy's type: the name of PostgreSQL's, and NumPy's in network order.
_TYPES = {"int16": ("int2", ">i2"), "int32": ("int4", ">i4"), "int64": ("int8", ">i8"), "float64": ("float8", ">f8")}
#: Dimensions, whether there are nulls, the elements' type; then their number and the index of the first.
_HEAD, _BOUNDS = struct.Struct(">iiI"), struct.Struct(">ii")


class ArrayDumper(Dumper):
    """Writes a one-dimensional array; NaN is written as such and not as NULL."""

    format = Format.BINARY

    def get_key(self, obj: NDArray[np.generic], format: PyFormat) -> DumperKey:  # noqa: A002 - psycopg's name
        """Tell apart what has another type in the database."""
        return (self.cls, type(obj.dtype))

    def upgrade(self, obj: NDArray[np.generic], format: PyFormat) -> ArrayDumper:  # noqa: A002
        """Return the dumper of this array's type; ProgrammingError where the database has none."""
        if obj.ndim != 1 or obj.dtype.name not in _TYPES:
            raise ProgrammingError(f"an array of {obj.ndim} dimensions of {obj.dtype} is no parameter of a query")
        dumper = ArrayDumper(self.cls)
        element = types[_TYPES[obj.dtype.name][0]]
        dumper.oid, dumper._element = element.array_oid, element.oid
        return dumper

    def dump(self, obj: NDArray[np.generic]) -> bytes:
        """Return the array in the form that PostgreSQL's `array_recv` reads."""
        import numpy as np

        if not obj.size:
            return _HEAD.pack(0, 0, self._element)
        wire = np.dtype([("length", ">i4"), ("value", _TYPES[obj.dtype.name][1])])
        table = np.empty(obj.size, wire)
        table["length"], table["value"] = obj.dtype.itemsize, obj
        return _HEAD.pack(1, 0, self._element) + _BOUNDS.pack(obj.size, 1) + table.tobytes()

    _element = 0
