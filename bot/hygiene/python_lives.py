"""Until when each Python gets security fixes.

Source: PEP 373, 3.0 to 3.3 from PEP 361 and PEP 398, then the release schedule PEP of each version (429, 478, 494, 537,
569, 596, 619, 664, 693, 719, 745), as the Python Developer's Guide lists them under "Status of Python versions".
Where a PEP names a month, its last day is meant.
"""

from __future__ import annotations

from datetime import date

END_OF_LIFE = {
    (2, 6): date(2013, 10, 29),
    (2, 7): date(2020, 1, 1),
    (3, 0): date(2009, 6, 27),
    (3, 1): date(2012, 4, 9),
    (3, 2): date(2016, 2, 20),
    (3, 3): date(2017, 9, 29),
    (3, 4): date(2019, 3, 18),
    (3, 5): date(2020, 9, 30),
    (3, 6): date(2021, 12, 23),
    (3, 7): date(2023, 6, 27),
    (3, 8): date(2024, 10, 7),
    (3, 9): date(2025, 10, 31),
    (3, 10): date(2026, 10, 31),
    (3, 11): date(2027, 10, 31),
    (3, 12): date(2028, 10, 31),
    (3, 13): date(2029, 10, 31),
    (3, 14): date(2030, 10, 31),
}
