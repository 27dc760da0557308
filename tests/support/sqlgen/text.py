# SPDX-License-Identifier: Apache-2.0
"""One piece of SQL in three dialects, and expressions with their types.

Types are single letters: I INT64, F FLOAT64 whose every value is a short binary
fraction (so that sums are exact in any order), N NUMERIC, S STRING, B BOOL, D
DATE, T TIMESTAMP, M DATETIME; f and n are FLOAT64 and NUMERIC that were rounded on
the way (a quotient, a mean): they are shown and compared with a tolerance,
never sorted, grouped or compared, since the last digit may differ. a and w
are arrays of INT64 and of STRING, which are only shown, too."""

COMPARABLE = "IFNSBDTM"
NAMES = {"I": ("INT64", "BIGINT", "INTEGER"), "F": ("FLOAT64", "DOUBLE", "REAL"),
         "N": ("NUMERIC", "DECIMAL(12,2)", None), "S": ("STRING", "VARCHAR", "TEXT"),
         "B": ("BOOL", "BOOLEAN", "INTEGER"), "D": ("DATE", "DATE", None),
         "T": ("TIMESTAMP", "TIMESTAMP", None), "M": ("DATETIME", "TIMESTAMP", None),
         "a": ("ARRAY<INT64>", "BIGINT[]", None), "w": ("ARRAY<STRING>", "VARCHAR[]", None)}
FIELD = {"I": "INTEGER", "F": "FLOAT", "f": "FLOAT", "N": "NUMERIC", "n": "NUMERIC", "S": "STRING",
         "B": "BOOLEAN", "D": "DATE", "T": "TIMESTAMP", "M": "DATETIME", "a": "INTEGER", "w": "STRING"}
SAME = object()


class Text:
    """The same in BigQuery's, DuckDB's and SQLite's words; `lite` is None
    where SQLite has none."""
    __slots__ = ("bq", "duck", "lite")

    def __init__(self, bq, duck, lite):
        self.bq, self.duck, self.lite = bq, duck, lite


def put(bq, *args, duck=SAME, lite=SAME):
    """Templates filled with Texts; {0} is the first."""
    duck = bq if duck is SAME else duck
    lite = bq if lite is SAME else lite
    if any(a.lite is None for a in args):
        lite = None
    return Text(bq.format(*(a.bq for a in args)), duck.format(*(a.duck for a in args)),
                lite and lite.format(*(a.lite for a in args)))


def join(separator, texts):
    texts = list(texts)
    lite = None if any(x.lite is None for x in texts) else separator.join(x.lite for x in texts)
    return Text(separator.join(x.bq for x in texts), separator.join(x.duck for x in texts), lite)


def same(text):
    return Text(text, text, text)


class Expr(Text):
    """`size`: no value is larger (numbers), longer (strings); `digits`: of a
    NUMERIC, as DuckDB counts them."""
    __slots__ = ("typ", "size", "digits")

    def __init__(self, typ, text, size=0, digits=(12, 2)):
        super().__init__(text.bq, text.duck, text.lite)
        self.typ, self.size, self.digits = typ, size, digits


def quoted(value):
    """A string literal; backslashes, which the dialects read differently, are
    not among the values."""
    assert "\\" not in value
    bq = "'" + value.replace("'", "\\'") + "'"
    sql = "'" + value.replace("'", "''") + "'"
    return Text(bq, sql, sql)


def literal(typ, value):
    """`value`: as Python has it; a moment as 'YYYY-MM-DD HH:MM:SS.ffffff'."""
    if value is None:
        bq, duck, _ = NAMES[typ]
        return Expr(typ, Text(f"CAST(NULL AS {bq})", f"CAST(NULL AS {duck})",
                              None if NAMES[typ][2] is None else "NULL"))
    if typ == "I":
        return Expr(typ, same(f"({value})" if value < 0 else str(value)), abs(value))
    if typ == "F":
        number = repr(float(value))
        return Expr(typ, Text(f"({number})", f"CAST({number} AS DOUBLE)", f"({number})"), abs(value))
    if typ == "N":
        return Expr(typ, Text(f"NUMERIC '{value}'", f"CAST('{value}' AS DECIMAL(12,2))", None),
                    abs(float(value)))
    if typ == "S":
        return Expr(typ, quoted(value), len(value))
    if typ == "B":
        return Expr(typ, same("TRUE" if value else "FALSE"))
    if typ == "D":
        return Expr(typ, Text(f"DATE '{value}'", f"DATE '{value}'", None))
    if typ == "T":
        return Expr(typ, Text(f"TIMESTAMP '{value}+00'", f"TIMESTAMP '{value}'", None))
    if typ == "M":
        return Expr(typ, Text(f"DATETIME '{value}'", f"TIMESTAMP '{value}'", None))
    inner = ", ".join(str(v) if typ == "a" else quoted(v).bq for v in value)
    return Expr(typ, Text(f"{NAMES[typ][0]}[{inner}]",
                          "CAST([" + ", ".join(str(v) if typ == "a" else quoted(v).duck for v in value)
                          + f"] AS {NAMES[typ][1]})", None))
