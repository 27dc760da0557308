# SPDX-License-Identifier: Apache-2.0
"""Answers of different engines, brought into one form and held against each other."""
import datetime
import decimal
import math

EXACT = set("IFNSBDTMaw")


def value(typ, raw):
    """One of ours, of DuckDB's or of SQLite's."""
    if typ in "aw":
        return tuple(raw or ())  # a NULL array is shown as an empty one
    if raw is None:
        return None
    if typ in "IB":
        assert raw == int(raw)
        return int(raw)
    if typ in "Ff":
        return float(raw) + 0.0  # -0.0 is 0.0
    if typ in "Nn":
        return decimal.Decimal(raw).normalize() if typ == "N" else float(raw)
    if typ == "D":
        return raw.date() if isinstance(raw, datetime.datetime) else raw
    if typ == "T" and raw.tzinfo:
        return raw.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return raw


def rows(types, raw):
    return [tuple(value(t, x) for t, x in zip(types, row)) for row in raw]


def close(typ, a, b):
    if a is None or b is None or typ in EXACT:
        return a == b
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=2e-9)


def alike(types, a, b):
    return all(close(t, x, y) for t, x, y in zip(types, a, b))


def rank(types, row):
    """Rounded values have their place by what is surely the same."""
    return tuple((x is not None, "" if x is None else x) for t, x in zip(types, row) if t in EXACT)


def differ(types, ours, theirs, ordered):
    """None, or the first rows that one has and the other has not."""
    if len(ours) != len(theirs):
        return f"{len(ours)} rows, not {len(theirs)}"
    if not ordered:
        ours = sorted(ours, key=lambda row: rank(types, row))
        theirs = sorted(theirs, key=lambda row: rank(types, row))
    for place, (a, b) in enumerate(zip(ours, theirs)):
        if alike(types, a, b):
            continue
        if ordered:
            return f"row {place}: {a} is not {b}"
        # rounded values of otherwise equal rows may lie in any order
        found = next((i for i in range(place, len(theirs)) if alike(types, a, theirs[i])), None)
        if found is None:
            return f"a row {a}, nearest {b}"
        theirs[place], theirs[found] = theirs[found], theirs[place]
    return None
