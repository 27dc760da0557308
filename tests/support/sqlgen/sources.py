# SPDX-License-Identifier: Apache-2.0
"""What stands after FROM: tables, joins of all kinds, subqueries, arrays.

- FULL JOIN only with an equality of both sides: BigQuery demands one.
- no RIGHT or FULL JOIN after a comma, which BigQuery refuses without parentheses.
- for SQLite, each term of ON names a column: it loses rows by one that does not, before a RIGHT JOIN."""
from .data import SIZES, TABLES
from .exprs import Exprs, Scope
from .text import Expr, Text, put, same

JOINED = {"t": ["u", "v", "void", "t", "tree"], "u": ["t", "v", "edge", "u"], "v": ["t", "u", "void"],
          "void": ["t", "v"], "tree": ["tree", "u"], "edge": ["edge", "tree"]}
MOST_ROWS = 3000  # of what has no condition: time is better spent on more statements


class Sources:
    """Part of Queries. `narrow`: only what SQLite has words for."""

    def __init__(self, r, narrow):
        self.r, self.narrow = r, narrow
        self.parameters = [] if r.random() < 0.25 else None
        self.exprs = Exprs(r, self.subquery, narrow, self.parameters)
        self.plain = Exprs(r, None, narrow, self.parameters)  # without subqueries
        self.names, self.withs = 0, []

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def chance(self, part):
        return self.r.random() < part

    def some(self, choices, least=1, most=3):
        choices = list(choices)
        return self.r.sample(choices, min(len(choices), self.r.randrange(least, most + 1)))

    def table(self, table=None):
        table = table or self.r.choices(list(TABLES), [8, 4, 3, 1, 2, 1])[0]
        alias = self.name(table[0])
        columns = [Expr(t, Text(f"{alias}.{c}", f"{alias}.{c}", f"{alias}.{c}" if t in "IFSB" else None),
                        9 if c in ("k", "w") else SIZES.get(t, 0)) for c, t in TABLES[table][1].items()
                   if not self.narrow or t in "IFSB"]
        return same(f"{table} AS {alias}"), Scope(columns, [columns[0]], [(table, alias)], TABLES[table][0])

    def derived(self, depth):
        query = self.query(depth - 1)
        alias = self.name("q")
        return put("({0}) AS " + alias, query), Scope(self.columns_of(query, alias), rows=query.rows)

    @staticmethod
    def columns_of(query, alias):
        return [Expr(t, Text(f"{alias}.{n}", f"{alias}.{n}", None if query.lite is None else f"{alias}.{n}"), size, digits)
                for n, t, size, digits in query.columns]

    def source(self, depth):
        kind = self.r.random()
        if self.withs and kind < 0.3:
            name, query = self.r.choice(self.withs)
            alias = self.name("q")
            return put(name + " AS " + alias, Text("", "", None if query.lite is None else "")), \
                Scope(self.columns_of(query, alias), rows=query.rows)
        if depth > 0 and kind < 0.4:
            return self.derived(depth)
        if kind < 0.65:
            return self.joined(depth)
        if kind < 0.72 and not self.narrow:
            return self.unnested()
        return self.table()

    def joined(self, depth):
        first, scope, commas = *self.table(), False
        for _ in range(self.r.choice([1, 1, 1, 2])):
            left = scope.aliases[-1][0]
            if depth > 0 and self.chance(0.15):
                second, other = self.derived(depth)
            else:
                second, other = self.table(self.r.choice(JOINED[left]))
            both = Scope(scope.columns + other.columns, scope.keys + other.keys if scope.keys and other.keys else [],
                         scope.aliases + other.aliases, max(scope.rows, other.rows) * 2)
            kind = self.r.choice(["JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ","])
            if commas and kind in ("RIGHT JOIN", "FULL JOIN"):
                kind = "LEFT JOIN"
            if scope.rows * other.rows > MOST_ROWS and kind in (",", "CROSS JOIN"):
                kind = "JOIN"
            if kind in (",", "CROSS JOIN"):
                both.rows = scope.rows * other.rows
                first = put("{0} " + kind + " {1}", first, second)
            else:
                shared = set(both.types("IS")) & set(scope.types()) & set(other.types())
                typ = "I" if "I" in shared else "S" if "S" in shared else None
                bare = Scope(both.columns)  # no subquery in a join's condition
                if typ:
                    on = put("{0} = {1}", self.r.choice(scope.of(typ)), self.r.choice(other.of(typ)))
                    more = self.plain.any(bare, "B", 1)
                    if self.chance(0.3) and not (self.narrow and self.may_be_constant(bare, more)):
                        on = put("{0} AND {1}", on, more)
                elif self.narrow or kind == "FULL JOIN" or scope.rows * other.rows > MOST_ROWS:
                    continue
                else:
                    on = self.plain.any(bare, "B", 2)
                    both.rows = scope.rows * other.rows
                first = put("{0} " + kind + " {1} ON {2}", first, second, on)
            scope, commas = both, commas or kind == ","
            if not scope.aliases or scope.aliases[-1][0] not in JOINED:
                break
        return first, scope

    @staticmethod
    def may_be_constant(scope, condition):
        return " AND " in condition.bq or not scope.meant_in(condition)

    def using(self):
        """A join whose merged columns are referred to without a table."""
        a, b = self.r.choice([("t", "u"), ("u", "v"), ("t", "v"), ("v", "void"), ("u", "t")])
        first, left = self.table(a)
        second, right = self.table(b)
        shared = self.some(["k", "g"], 1, 2)
        kind = self.r.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        merged = [Expr(TABLES[a][1][c], same(c), 9) for c in shared]
        other = [c for c in left.columns + right.columns if c.bq.split(".")[1] not in shared]
        return put("{0} " + kind + " {1} USING (" + ", ".join(shared) + ")", first, second), \
            Scope(merged + other, left.keys + right.keys, left.aliases + right.aliases, left.rows * 2)

    def unnested(self):
        """An array's elements, beside the row that has it or on their own."""
        element, place = self.name("x"), self.name("o")
        if self.chance(0.5):
            table, scope = self.table("t")
            typ = self.r.choice("aw")
            array, scope = scope.of(typ)[0], scope
            kind = self.r.choice([",", "LEFT JOIN"])
            text = put("{0} " + kind + " UNNEST({1}) AS " + element + " WITH OFFSET AS " + place, table, array,
                       duck="{0} " + kind + " UNNEST({1}) WITH ORDINALITY AS z(" + f"{element}, {place})"
                       + (" ON TRUE" if kind != "," else ""), lite="")
            text.lite = None
        else:
            typ, scope = self.r.choice("aw"), Scope([])
            array = self.exprs.literal(typ) if typ == "w" or self.chance(0.4) else None
            if array is None:
                first, last = self.r.randrange(-3, 3), self.r.randrange(0, 9)
                array = Text(f"GENERATE_ARRAY({first}, {last})", f"generate_series({first}, {last})", None)
            text = put("UNNEST({0}) AS " + element + " WITH OFFSET AS " + place, array,
                       duck="UNNEST({0}) WITH ORDINALITY AS z(" + f"{element}, {place})", lite="")
        offset = Expr("I", Text(place, f"({place} - 1)", None), 100)
        value = Expr("I" if typ == "a" else "S", Text(element, element, None), 100)
        return text, Scope(scope.columns + [value, offset], [*scope.keys, offset], scope.aliases, scope.rows * 3)
