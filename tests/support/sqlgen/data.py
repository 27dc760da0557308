# SPDX-License-Identifier: Apache-2.0
"""The tables: few rows, but with NULLs, duplicates, negatives, letters of more
than one byte and an empty one. A table's rows have a unique, never NULL `id`."""
import datetime
import decimal
import random

from .text import NAMES, literal

# No combining marks (DuckDB reverses and pads by grapheme), no letter whose
# upper case is two letters, no backslash.
WORDS = ["", "a", "A", "b", "abc", "Zebra", "apple", "Äpfel", "éa", "École", "日本語", "😀x", "a,b,c", ",",
         " pad ", "x_y", "100%", "12", "-7", "007", "it's", "zz"]
TABLES = {
    "t": (40, {"id": "I", "k": "I", "g": "S", "i": "I", "f": "F", "n": "N", "s": "S", "b": "B", "d": "D",
               "ts": "T", "dt": "M", "xs": "a", "ws": "w"}),
    "u": (24, {"id": "I", "k": "I", "g": "S", "i": "I", "f": "F", "s": "S", "d": "D", "b": "B"}),
    "v": (12, {"id": "I", "k": "I", "g": "S", "n": "N", "m": "N", "ts": "T"}),
    "void": (0, {"id": "I", "k": "I", "g": "S", "f": "F", "n": "N"}),
    "tree": (18, {"id": "I", "parent": "I", "name": "S", "w": "I"}),
    "edge": (16, {"id": "I", "a": "I", "b": "I"}),
}
SIZES = {"I": 1000, "F": 256, "N": 1e4, "S": 8}


def moment(r, first, last, whole=False):
    start = datetime.datetime(first, 1, 1)
    span = (datetime.datetime(last, 1, 1) - start) // datetime.timedelta(microseconds=1)
    at = start + datetime.timedelta(microseconds=r.randrange(span))
    return at.replace(microsecond=0) if whole else at


def value(r, table, name, typ, row):
    if name == "id":
        return row + 1
    if table == "tree" and name == "parent":
        return None if row < 2 else r.randrange(row) + 1
    if table == "edge":
        return r.randrange(9)
    if name == "w":
        return r.randrange(-5, 6)
    if r.random() < 0.15 and name != "name":
        return [] if typ in "aw" else None
    if name == "k":
        return r.randrange(-3, 6)
    if name in ("g", "name"):
        return r.choice(["red", "green", "Blue", "", "é"])
    if typ == "I":
        return r.choice([0, 1, -1, r.randrange(-1000, 1000)])
    if typ == "F":
        return r.randrange(-1000, 1000) / 4
    if typ == "N":
        return decimal.Decimal(r.choice([0, 50, -50, 125, r.randrange(-999999, 999999)])) / 100
    if typ == "S":
        return r.choice(WORDS)
    if typ == "B":
        return r.random() < 0.5
    if typ == "D":
        # ends of months, leap days, the days between years
        return r.choice(["2020-02-29", "2019-12-31", "2021-01-03", "2016-01-31",
                         str(moment(r, 1969, 2030).date())])
    if typ in "TM":
        return str(moment(r, 1965, 2035, r.random() < 0.5))
    return [r.randrange(-3, 4) if typ == "a" else r.choice(WORDS) for _ in range(r.randrange(4))]


def rows(table):
    many, columns = TABLES[table]
    r = random.Random("rows of " + table)
    return [[literal(typ, value(r, table, name, typ, row)) for name, typ in columns.items()]
            for row in range(many)]


def load(dataset, bigquery, duckdb, sqlite):
    """Makes the tables in all three; each argument but the first runs a text."""
    for table, (_, columns) in TABLES.items():
        made = rows(table)
        bigquery(f"CREATE TABLE {dataset}.{table} ("
                 + ", ".join(f"{c} {NAMES[t][0]}" for c, t in columns.items()) + ")")
        duckdb(f"CREATE TABLE {table} (" + ", ".join(f"{c} {NAMES[t][1]}" for c, t in columns.items()) + ")")
        kept = [i for i, t in enumerate(columns.values()) if NAMES[t][2]]
        names = list(columns)
        sqlite(f"CREATE TABLE {table} ("
               + ", ".join(f"{names[i]} {NAMES[columns[names[i]]][2]}" for i in kept) + ")")
        if not made:
            continue
        bigquery(f"INSERT INTO {dataset}.{table} VALUES "
                 + ", ".join("(" + ", ".join(v.bq for v in row) + ")" for row in made))
        duckdb(f"INSERT INTO {table} VALUES "
               + ", ".join("(" + ", ".join(v.duck for v in row) + ")" for row in made))
        sqlite(f"INSERT INTO {table} VALUES "
               + ", ".join("(" + ", ".join(row[i].lite for i in kept) + ")" for row in made))
