"""Quality flags (QARTOD primary level) and the bit of each quality test.

Source: IOOS QARTOD, Manual for real-time quality control: 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Quality(IntEnum):
    """What is known of one value. Without a value it is MISSING, and only then."""

    PASS = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


#: Statistics and indicators use these flags only.
USABLE = frozenset({Quality.PASS, Quality.NOT_EVALUATED})


class Test(IntFlag):
    """Tests that a value did not pass, as kept in ``measurement.tests``."""

    __test__ = False  # not a test class for pytest

    GROSS_RANGE = 1
    SPIKE = 2
    RATE_OF_CHANGE = 4
    FLAT_LINE = 8
    GAP = 16
    #: The instrument itself says that its value is not to be trusted.
    SENSOR_STATUS = 32
    #: The register held the instrument's mark for "no value".
    SENTINEL = 64
    #: The instrument did not answer.
    NO_ANSWER = 128
    #: The time of the value could not be established.
    TIME_UNCERTAIN = 256


def names(tests: int) -> list[str]:
    """Return the tests of a bit field as words, lowest bit first, for example ``["gross_range"]``."""
    return [test.name.lower() for test in Test if tests & test and test.name]
