# SPDX-License-Identifier: Apache-2.0
"""What looks at many rows: sort keys, aggregates, windows.

- NULLs come first in ascending and last in descending order, as in SQLite; DuckDB is always told.
- ARRAY_AGG and STRING_AGG only with an order, arrays without NULLs: BigQuery shows none.
- SUM of integers is cast to BIGINT, which DuckDB widens; of decimals, to less than 38 digits.
- windows are not partitioned by FLOAT64, which BigQuery refuses.
- no subqueries in any of these: BigQuery does not know such a key again, DuckDB not what was aggregated.
- functions that look at the order of rows only where it is total, else peers may lie in any order."""
from .text import SAME, Expr, join, literal, put, same

ROWS = 1e5  # more than any source of ours has


class Gather:
    """Part of Queries."""

    def order(self, items, nulls=True):
        """Sort keys: (expression) with a direction; NULLs lie as BigQuery lays them."""
        made = []
        for item in items:
            descending = self.chance(0.4)
            first = not descending
            told = nulls and self.chance(0.25)
            if told:
                first = self.chance(0.5)
            word = self.r.choice([" DESC"]) if descending else self.r.choice(["", " ASC"])
            place = " NULLS FIRST" if first else " NULLS LAST"
            made.append(put("{0}" + word + (place if told else ""), item, duck="{0}" + word + place,
                            lite="{0}" + word + place))
        return join(", ", made)

    def sortable(self, scope, many):
        picked = [self.plain.any(scope, self.r.choice(scope.types() or ["I"]), 1) for _ in range(many)]
        return [e for e in picked if scope.meant_in(e)]

    def aggregate(self, scope):
        """One over all rows of a group."""
        r, e = self.r, self.plain
        kind = r.choice([0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 16]) if self.narrow else r.randrange(17)
        if kind == 0:
            return Expr("I", same("COUNT(*)"), ROWS)
        if kind == 1:
            x = e.any(scope, r.choice(scope.types() or ["I"]), 2)
            return Expr("I", put("COUNT({0})", x), ROWS)
        if kind == 2:
            x = e.any(scope, r.choice(scope.types() or ["I"]), 1)
            return Expr("I", put("COUNT(DISTINCT {0})", x), ROWS)
        if kind in (3, 4):
            distinct = r.choice(["", "", "DISTINCT "])
            x = self.small(scope, "I", 1e9)
            return Expr("I", put("SUM(" + distinct + "{0})", x, duck="CAST(SUM(" + distinct + "{0}) AS BIGINT)"),
                        x.size * ROWS)
        if kind == 5:
            x = self.small(scope, "F", 1e6)
            return Expr("F", put("SUM({0})", x), x.size * ROWS)
        if kind == 6 and scope.of("N"):
            x = self.small(scope, "N", 1e7)
            w, s = min(x.digits[0] + 5, 36), x.digits[1]
            return Expr("N", put("SUM({0})", x, duck=f"CAST(SUM({{0}}) AS DECIMAL({w},{s}))"), x.size * ROWS, (w, s))
        if kind == 7:
            x = self.small(scope, r.choice("IF"), 1e9)
            return Expr("f", put("AVG({0})", x))
        if kind == 8 and scope.of("N"):
            return Expr("n", put("AVG({0})", self.small(scope, "N", 1e9)))
        if kind in (9, 10):
            x = e.any(scope, r.choice(scope.types("IFNSDTM") or ["I"]), 2)
            return Expr(x.typ, put(r.choice(["MIN", "MAX"]) + "({0})", x), x.size, x.digits)
        if kind == 11:
            x = e.any(scope, "B", 2)
            return Expr("I", put("COUNTIF({0})", x, duck="COUNT(*) FILTER (WHERE {0})", lite="COUNT(*) FILTER (WHERE {0})"),
                        ROWS)
        if kind == 12:
            which = r.choice(["AND", "OR"])
            x = e.any(scope, "B", 2)
            return Expr("B", put(f"LOGICAL_{which}({{0}})", x, duck=f"bool_{which.lower()}({{0}})",
                                 lite=("min" if which == "AND" else "max") + "({0})"))
        if kind == 13:
            return self.collected(scope)
        if kind == 14:
            x = self.small(scope, "I", 1e9)
            return Expr("I", self.no_lite(put("BIT_" + r.choice(["AND", "OR", "XOR"]) + "({0})", x)), 1e15)
        if kind == 15:
            x = self.small(scope, r.choice("IF"), 1e4)
            name = r.choice(["VAR_SAMP", "VAR_POP", "STDDEV_SAMP", "STDDEV_POP", "STDDEV", "VARIANCE"])
            return Expr("f", self.no_lite(put(name + "({0})", x)))
        x = self.small(scope, "I", 1e9)
        test = e.any(scope, "B", 1)
        return Expr("I", put("SUM(IF({0}, {1}, 0))", test, x, duck="CAST(SUM(CASE WHEN {0} THEN {1} ELSE 0 END) AS BIGINT)",
                             lite="SUM(CASE WHEN {0} THEN {1} ELSE 0 END)"), x.size * ROWS)

    @staticmethod
    def no_lite(text):
        text.lite = None
        return text

    def small(self, scope, typ, most):
        x = self.plain.any(scope, typ, 2)
        if x.size <= most:
            return x
        plain = [c for c in scope.of(typ) if c.size <= most]
        return self.r.choice(plain) if plain else self.plain.literal(typ)

    def collected(self, scope):
        """Arrays and lists; equal texts and numbers may come in any order."""
        r = self.r
        if r.random() < 0.5:
            x = self.plain.any(scope, "S", 1)
            by = self.order([x], nulls=False)
            distinct = r.choice(["", "DISTINCT "])
            return Expr("S", self.no_lite(put("STRING_AGG(" + distinct + "{0}, '|' ORDER BY {1})", x, by)))
        typ = r.choice("IS")
        x = self.plain.any(scope, typ, 1)
        by = self.order([x], nulls=False)
        return Expr("a" if typ == "I" else "w", self.no_lite(
            put("ARRAY_AGG({0} IGNORE NULLS ORDER BY {1})", x, by,
                duck="ARRAY_AGG({0} ORDER BY {1}) FILTER (WHERE {0} IS NOT NULL)")))

    def window(self, scope):
        """A function over a window whose answer does not depend on the order of peers."""
        r, e = self.r, self.plain
        parts = [x for x in self.sortable(scope, r.randrange(3)) if x.typ != "F"]
        part = put("PARTITION BY {0}", join(", ", parts)) if parts else same("")
        keys = self.sortable(scope, r.randrange(1, 3))
        total = bool(scope.keys)
        if total:
            keys = keys + [k for k in scope.keys]
        by = put("ORDER BY {0}", self.order(keys)) if keys else same("")
        over = put("OVER ({0} {1})", part, by)
        kind = r.randrange(12)
        if kind == 0 and keys:
            return Expr("I", put(r.choice(["RANK()", "DENSE_RANK()"]) + " {0}", over), ROWS)
        if kind == 1 and keys:
            return Expr("f", put(r.choice(["PERCENT_RANK()", "CUME_DIST()"]) + " {0}", over))
        if kind in (2, 3) and total:
            return Expr("I", put(r.choice(["ROW_NUMBER()", "NTILE(3)"]) + " {0}", over), ROWS)
        if kind in (4, 5) and total:
            x = e.any(scope, r.choice(scope.types() or ["I"]), 1)
            name = r.choice(["LAG", "LEAD"])
            if r.random() < 0.4 and x.typ in "ISD":
                d = e.literal(x.typ)
                return Expr(x.typ, put(name + "({0}, {1}, {2}) {3}", x, literal("I", r.randrange(1, 4)), d, over),
                            max(x.size, d.size), x.digits)
            return Expr(x.typ, put(name + "({0}" + r.choice(["", ", 2", ", 0"]) + ") {1}", x, over), x.size, x.digits)
        if kind in (6, 7) and total:
            x = e.any(scope, r.choice(scope.types() or ["I"]), 1)
            over = put("OVER ({0} {1} {2})", part, by, self.frame())
            name = r.choice(["FIRST_VALUE({0}{1})", "LAST_VALUE({0}{1})", "NTH_VALUE({0}, 2{1})"])
            nulls = "" if self.narrow else r.choice(["", "", " IGNORE NULLS"])
            text = put(name.replace("{1}", nulls) + " {1}", x, over)
            return Expr(x.typ, self.no_lite(text) if nulls else text, x.size, x.digits)
        over = self.over_rows(scope, part, by, keys, total)
        x = self.small(scope, r.choice("IIF"), 1e6)
        how = r.randrange(6)
        if how == 0:
            return Expr("I", put("COUNT(*) {0}", over), ROWS)
        if how == 1:
            return Expr("I", put("COUNT({0}) {1}", x, over), ROWS)
        if how == 2:
            return Expr("f", put("AVG({0}) {1}", x, over))
        if how == 3:
            y = e.any(scope, r.choice(scope.types("IFNSDT") or ["I"]), 1)
            return Expr(y.typ, put(r.choice(["MIN", "MAX"]) + "({0}) {1}", y, over), y.size, y.digits)
        if how == 4:
            t = e.any(scope, "B", 1)
            return Expr("I", put("COUNTIF({0}) {1}", t, over, duck="COUNT(*) FILTER (WHERE {0}) {1}",
                                 lite="COUNT(*) FILTER (WHERE {0}) {1}"), ROWS)
        duck = "CAST(SUM({0}) {1} AS BIGINT)" if x.typ == "I" else SAME
        return Expr(x.typ, put("SUM({0}) {1}", x, over, duck=duck), x.size * ROWS)

    def frame(self):
        r = self.r
        start = r.choice(["UNBOUNDED PRECEDING", "2 PRECEDING", "1 PRECEDING", "CURRENT ROW"])
        end = r.choice(["UNBOUNDED FOLLOWING", "1 FOLLOWING", "3 FOLLOWING", "CURRENT ROW"])
        if start == "CURRENT ROW" and r.random() < 0.3:
            start, end = "1 FOLLOWING", "2 FOLLOWING"
        elif r.random() < 0.1:
            start, end = "3 PRECEDING", "1 PRECEDING"
        return same(f"ROWS BETWEEN {start} AND {end}")

    def over_rows(self, scope, part, by, keys, total):
        """Whole partitions, rows (if their order is total), or ranges of one numeric key."""
        r = self.r
        kind = r.randrange(5)
        if kind == 0 or not keys:
            return put("OVER ({0})", part)
        if kind in (1, 2) and total:
            return put("OVER ({0} {1} {2})", part, by, self.frame())
        if kind == 3 and scope.types("IF"):
            key = r.choice(scope.of(r.choice(scope.types("IF"))))
            frame = r.choice(["2 PRECEDING AND 2 FOLLOWING", "UNBOUNDED PRECEDING AND CURRENT ROW", "10 PRECEDING AND CURRENT ROW",
                              "CURRENT ROW AND UNBOUNDED FOLLOWING", "CURRENT ROW AND 5 FOLLOWING", "3 PRECEDING AND 1 PRECEDING"])
            return put("OVER ({0} ORDER BY {1} RANGE BETWEEN " + frame + ")", part, self.order([key]))
        return put("OVER ({0} {1})", part, by)
