# SPDX-License-Identifier: Apache-2.0
"""Random queries: clauses, set operations, WITH.

- LIMIT only where the order is total, else any rows would be right.
- an array that is NULL is shown as an empty one.
- no ORDER BY in what is beside a recursive query, which DuckDB refuses after a UNION.
- GROUP BY ALL only over keys and aggregates as they are: DuckDB takes no expression of both.
- set operations are never mixed without parentheses, which BigQuery refuses."""
import random
import re

from .data import SIZES, TABLES
from .exprs import Scope
from .gather import Gather
from .sources import Sources
from .text import COMPARABLE, Expr, Text, join, put, same


class Query(Text):
    """`columns`: (name, type, size, digits) each; `ordered`: rows have one right order;
    `rows`: about how many; `parameters`: type and value by name."""
    __slots__ = ("columns", "ordered", "rows", "parameters")

    def __init__(self, text, columns, ordered=False, rows=40):
        super().__init__(text.bq, text.duck, text.lite)
        self.columns, self.ordered, self.rows = columns, ordered, rows
        self.parameters = {}


class Queries(Sources, Gather):
    """`narrow`: only what SQLite has words for."""

    def __init__(self, seed, narrow):
        super().__init__(random.Random(seed), narrow)

    def predicate(self, scope, depth):
        return self.exprs.any(scope, "B", min(depth, 2) + 1)

    def subquery(self, scope, typ, depth):
        """A predicate (B) or a number (I) made of another SELECT, which may look outside."""
        r, e = self.r, self.exprs
        source, inner = self.table(r.choice(["u", "v", "void", "tree", "u"]))
        both = Scope(inner.columns + scope.columns)
        where = self.plain.any(both if r.random() < 0.6 else Scope(inner.columns), "B", 1)
        if typ == "B":
            if r.random() < 0.5:
                return Expr("B", put(r.choice(["", "NOT "]) + "EXISTS (SELECT 1 FROM {0} WHERE {1})", source, where))
            shared = [t for t in scope.types("ISD") if inner.of(t)] or ["I"]
            which = r.choice(shared)
            x = e.leaf(scope, which)
            return Expr("B", put("({0} " + r.choice(["IN", "NOT IN"]) + " (SELECT {1} FROM {2} WHERE {3}))", x,
                                 r.choice(inner.of(which) or inner.of("I")), source, where))
        column = r.choice([c for c in inner.of("I")])
        how = r.choice(["COUNT(*)", "COUNT({0})", "MIN({0})", "MAX({0})"])
        return Expr("I", put("(SELECT " + how + " FROM {1} WHERE {2})", column, source, where), 1000)

    def select_list(self, scope, types, most=4):
        """Expressions: of the wanted types, or of any."""
        if types:
            return [self.exprs.any(scope, t, 2) for t in types]
        r, found = self.r, []
        for _ in range(r.randrange(1, most + 1)):
            typ = r.choice(scope.types() or ["I"]) if r.random() < 0.8 else r.choice("IFBS" if self.narrow else "fnawMBF")
            if typ == "n" and not scope.of("N"):
                typ = "f"
            found.append(self.exprs.any(scope, typ, 3))
        return found

    def query(self, depth, types=None, plain=False, bare=False):
        """A whole query. `types`: of its columns; `plain`: nothing after its clauses; `bare`: no WITH."""
        kind = self.r.random()
        if depth > 0 and kind < 0.15:
            return self.set_operation(depth, types, plain)
        if depth > 0 and kind < 0.25 and not types and not plain and not bare:
            return self.with_query(depth)
        if not types and not plain and self.chance(0.05):
            return self.star(depth)
        source, scope = self.using() if self.chance(0.08) else self.source(depth)
        where = put("WHERE {0}", self.predicate(scope, depth)) if self.chance(0.6) else same("")
        if not scope.columns:
            return self.query(depth, types, plain, bare)
        if self.chance(0.4):
            return self.grouped(source, scope, where, types, plain)
        tail = same("")
        if self.chance(0.35):
            made = [self.window(scope) for _ in range(self.r.randrange(1, 3))]
            if self.chance(0.3) and not self.narrow:
                tail = self.no_lite(put("QUALIFY {0}", self.plain.any(Scope(made), "B", 2)))
                if not any(m.bq in tail.bq for m in made):
                    tail = same("")
            items = self.select_list(scope, types, 2) if types else made + self.select_list(scope, None, 2)
        else:
            items = self.select_list(scope, types)
        distinct = self.chance(0.15) and all(x.typ in COMPARABLE for x in items)
        return self.finished(items, source, join(" ", [where, tail]), plain, distinct, [] if distinct else scope.keys, scope)

    def star(self, depth):
        """All columns of a table but those that are left out, some replaced."""
        r = self.r
        table = r.choice(["t", "u", "v", "void", "tree"])
        source, scope = self.table(table)
        alias, kinds = scope.aliases[0][1], TABLES[table][1]
        without = [c for c in kinds if c != "id" and (self.narrow and kinds[c] not in "IFSB" or self.chance(0.15))]
        kept = [c for c in kinds if c not in without]
        put_in = {c: self.exprs.any(scope, kinds[c], 2) for c in kept if c != "id" and self.chance(0.15)}
        bq, duck = r.choice(["*", f"{alias}.*"]), "*"
        if without:
            bq, duck = f"{bq} EXCEPT ({', '.join(without)})", f"{duck} EXCLUDE ({', '.join(without)})"
        listed = Text(bq, duck, ", ".join(f"{put_in[c].lite} AS {c}" if c in put_in else f"{alias}.{c}" for c in kept))
        if any(x.lite is None for x in put_in.values()) or not self.narrow:
            listed.lite = None
        if put_in:
            replaced = join(", ", [put("{0} AS " + c, x, lite="") for c, x in put_in.items()])
            listed.bq, listed.duck = f"{bq} REPLACE ({replaced.bq})", f"{duck} REPLACE ({replaced.duck})"
        text = put("SELECT {0} FROM {1} WHERE {2}", listed, source, self.predicate(scope, depth))
        ordered = self.chance(0.5)
        if ordered:
            text = put("{0} ORDER BY {1} LIMIT " + str(r.randrange(20)), text, self.order(scope.keys))
        columns = [(c, kinds[c], put_in[c].size if c in put_in else SIZES.get(kinds[c], 0),
                    put_in[c].digits if c in put_in else (12, 2)) for c in kept]
        return Query(text, columns, ordered, scope.rows)

    def grouped(self, source, scope, where, types, plain):
        r = self.r
        keys = self.sortable(scope, r.randrange(1, 3)) if self.chance(0.85) else []
        # DuckDB flattens AND and OR and then knows such a key no more
        keys = [k for k in keys if k.typ != "B" or not (" AND " in k.duck or " OR " in k.duck)]
        seen = {}
        keys = [seen.setdefault(k.bq, k) for k in keys if k.bq not in seen]
        made = [self.aggregate(scope) for _ in range(r.randrange(1, 4))]
        after = Scope(keys + made)
        style = r.random()
        extra, group = [], same("")
        shape, all_of_them = "", False
        if keys:
            listed = join(", ", keys)
            # BigQuery computes a key made of other keys from these, where it
            # stands beside them in the list; others say NULL
            nested = any(a is not b and a.bq in b.bq for a in keys for b in keys)
            if style < 0.2 and not self.narrow and not nested:
                shape = r.choice(["ROLLUP ({0})", "CUBE ({0})", "GROUPING SETS (({0}), ())", "GROUPING SETS ({1}, ({0}))"])
                group = self.no_lite(put("GROUP BY " + shape, listed, keys[0]))
                if r.random() < 0.5:
                    g = put("GROUPING({0})", keys[0], duck="CAST(GROUPING({0}) AS BIGINT)")
                    extra = [Expr("I", self.no_lite(g), 1)]
            elif style < 0.3 and not types and not self.narrow:
                group, all_of_them = self.no_lite(same("GROUP BY ALL")), True
            elif style < 0.6 or types:
                group = put("GROUP BY {0}", listed)
            else:
                group = same("GROUP BY " + ", ".join(str(i + 1) for i in range(len(keys))))
        having = same("")
        if self.chance(0.3):
            having = put("HAVING {0}", self.plain.any(after, "B", 2))
            if not keys and not Scope(made).meant_in(having):
                having = same("")  # it needs groups or an aggregate
            elif not keys:
                having.lite = None  # SQLite wants the aggregate in the list
        if types:
            items = [self.plain.any(after, t, 1) for t in types]
        else:
            items = keys + made + extra
            if self.chance(0.4) and not all_of_them:
                items = items + [self.plain.any(after, r.choice(after.types() or ["I"]), 2)]
            if self.chance(0.2) and not shape and not all_of_them:
                items = items + [self.window(Scope(after.columns))]
        after.rows = min(scope.rows, 40)
        return self.finished(items, source, join(" ", [where, group, having]), plain, False, [], after)

    def finished(self, items, source, clauses, plain, distinct, keys, scope):
        """SELECT ... FROM ... with an order and a limit, if any is right."""
        r = self.r
        columns = [(self.name("c"), x.typ, x.size, x.digits) for x in items]
        listed = join(", ", [put("{0} AS " + c[0], x) for c, x in zip(columns, items)])
        head = "SELECT " + ("DISTINCT " if distinct else "")
        text = put(head + "{0} FROM {1} {2}", listed, source, clauses)
        ordered, sort, rows = False, None, scope.rows
        if not plain and r.random() < 0.55:
            if all(x.typ in COMPARABLE for x in items):
                sort = self.order([same(str(i + 1)) for i in r.sample(range(len(items)), len(items))])
            elif keys:
                sort = self.order(self.sortable(scope, r.randrange(3)) + list(keys))
        if sort:
            ordered = True
            text = put("{0} ORDER BY {1}", text, sort)
            if r.random() < 0.5:
                rows = 15
                text = put("{0} LIMIT " + str(r.randrange(0, 15)), text)
                if r.random() < 0.3:
                    text = put("{0} OFFSET " + str(r.randrange(0, 5)), text)
        return Query(text, columns, ordered, rows)

    def set_operation(self, depth, types, plain):
        r = self.r
        types = types or r.choices("IFSBNDTM", [4, 2, 4, 1] + [0 if self.narrow else 1] * 4, k=r.randrange(1, 4))
        which = r.choice(["UNION ALL", "UNION DISTINCT", "INTERSECT DISTINCT", "EXCEPT DISTINCT"])
        parts = [self.query(depth - 1, types, plain=True) for _ in range(2 if "UNION" not in which else r.choice([2, 2, 3]))]
        word = which if which == "UNION ALL" else which.split()[0]
        text = Text(f" {which} ".join(f"({p.bq})" for p in parts), f" {word} ".join(f"({p.duck})" for p in parts),
                    None if any(p.lite is None for p in parts) else
                    f" {word} ".join(f"SELECT * FROM ({p.lite})" for p in parts))
        columns = [(n, t, max(p.columns[i][2] for p in parts), max(p.columns[i][3] for p in parts))
                   for i, (n, t, _, _) in enumerate(parts[0].columns)]
        ordered = not plain and r.random() < 0.5
        if ordered:
            text = put("{0} ORDER BY {1}", text,
                       self.order([same(str(i + 1)) for i in r.sample(range(len(columns)), len(columns))]))
            if r.random() < 0.5:
                text = put("{0} LIMIT " + str(r.randrange(0, 12)), text)
        return Query(text, columns, ordered, sum(p.rows for p in parts))

    def with_query(self, depth):
        outer, self.withs = self.withs, list(self.withs)
        parts, recursive = [], self.chance(0.4)
        for _ in range(self.r.randrange(1, 3)):
            name = self.name("w")
            query = self.recursion(name) if recursive and not parts else self.query(depth - 1, plain=recursive)
            self.withs.append((name, query))
            parts.append(put(name + " AS ({0})", query))
        if recursive:
            parts[0] = put(parts[0].bq.split(" AS ", 1)[0] + " AS ({0})", self.withs[len(outer)][1])
        body = self.query(depth - 1, bare=True)
        text = put("WITH " + ("RECURSIVE " if recursive else "") + "{0} {1}", join(", ", parts), body)
        self.withs = outer
        return Query(text, body.columns, body.ordered, body.rows)

    def recursion(self, name):
        r = self.r
        a, b, c, d = (self.name("c") for _ in range(4))
        kind = r.randrange(3)
        if kind == 0:
            start, steps = r.randrange(-3, 4), r.randrange(1, 20)
            first = put(f"SELECT 1 AS {a}, {start} AS {b}", duck=f"SELECT CAST(1 AS BIGINT) AS {a}, CAST({start} AS BIGINT) AS {b}")
            return Query(put(f"{{0}} UNION ALL SELECT {a} + 1, {b} * 2 + 1 FROM {name} WHERE {a} < {steps}", first),
                         [(a, "I", 100, (12, 2)), (b, "I", 1e7, (12, 2))])
        if kind == 1:
            return Query(same(
                f"SELECT id AS {a}, parent AS {b}, 1 AS {c}, name AS {d} FROM tree WHERE parent IS NULL UNION ALL "
                f"SELECT e.id, e.parent, p.{c} + 1, p.{d} || '/' || e.name FROM {name} AS p JOIN tree AS e ON e.parent = p.{a}"),
                [(a, "I", 100, (12, 2)), (b, "I", 100, (12, 2)), (c, "I", 100, (12, 2)), (d, "S", 200, (12, 2))])
        start = r.randrange(9)
        return Query(Text(*(
            f"SELECT a AS {a}, b AS {b} FROM edge WHERE a = {start} {union} SELECT p.{a}, e.b FROM {name} AS p JOIN edge "
            f"AS e ON e.a = p.{b}" for union in ("UNION DISTINCT", "UNION", "UNION"))),
            [(a, "I", 100, (12, 2)), (b, "I", 100, (12, 2))])


def statement(seed):
    """One query, made of a number; every third one for SQLite as well."""
    made = Queries(seed, seed % 3 == 2)
    query = made.query(2)
    query.parameters = {f"p{i}": p for i, p in enumerate(made.parameters or ()) if re.search(fr"@p{i}\b", query.bq)}
    return query
