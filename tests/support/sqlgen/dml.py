# SPDX-License-Identifier: Apache-2.0
"""Random INSERT, UPDATE, DELETE and MERGE on a table of their own, `goal`, whose ids stay unique:
each row is changed by at most one other, since two are an error in BigQuery. For two
engines: SQLite knows no MERGE."""
from .exprs import Scope
from .queries import Queries
from .text import Expr, join, put, same

# what `goal` has in the beginning
START = "SELECT id, k, g, i, f, b FROM t"
COLUMNS = {"id": "I", "k": "I", "g": "S", "i": "I", "f": "F", "b": "B"}


class Changes(Queries):
    def __init__(self, seed):
        super().__init__(f"change {seed}", False)
        self.exprs.parameters = self.plain.parameters = None

    def columns(self, alias):
        return [Expr(t, same(f"{alias}.{c}"), 1000 if t == "I" else 256) for c, t in COLUMNS.items()]

    def assignments(self, scope, target=""):
        names = self.some([c for c in COLUMNS if c != "id"], 1, 3)
        return join(", ", [put(f"{target}{c} = {{0}}", self.bounded(scope, COLUMNS[c])) for c in names])

    def bounded(self, scope, typ):
        """Values stay so small that what is changed again and again cannot overflow."""
        if typ == "I":
            return put("MOD({0}, 1000)", self.plain.any(scope, "I", 2), duck="({0} % 1000)")
        if typ == "F":
            return put("CASE WHEN ABS({0}) < 256 THEN {0} END", self.plain.any(scope, "F", 1))
        if typ == "S":
            return put("SUBSTR({0}, 1, 8)", self.plain.any(scope, "S", 1))
        return self.plain.any(scope, typ, 2)

    def insert(self, first):
        source, scope = self.table(self.r.choice(["t", "u", "v"]))
        values = [put(f"({first} + {{0}})", scope.columns[0])] + [self.bounded(scope, t) for t in list(COLUMNS.values())[1:]]
        return put("INSERT INTO goal (" + ", ".join(COLUMNS) + ") SELECT {0} FROM {1} WHERE {2}", join(", ", values), source,
                   self.exprs.any(scope, "B", 2))

    def update(self):
        own = self.columns("goal")
        if self.chance(0.5):
            scope = Scope(own, own[:1], [("t", "goal")])
            return put("UPDATE goal SET {0} WHERE {1}", self.assignments(scope), self.exprs.any(scope, "B", 2))
        source, other = self.table(self.r.choice(["t", "u"]))
        both = Scope(own + other.columns)
        return put("UPDATE goal SET {0} FROM {1} WHERE goal.id = {2} AND {3}", self.assignments(both), source, other.columns[0],
                   self.plain.any(both, "B", 1))

    def delete(self):
        own, rest = self.columns("goal"), self.r.randrange(7)
        # a few rows at a time, or there would soon be none
        return put(f"DELETE FROM goal WHERE MOD(goal.id, 7) = {rest} AND {{0}}",
                   self.exprs.any(Scope(own, own[:1], [("t", "goal")]), "B", 2),
                   duck=f"DELETE FROM goal WHERE goal.id % 7 = {rest} AND {{0}}")

    def merge(self, first):
        own = self.columns("goal")
        source, other = self.table(self.r.choice(["t", "u"]))
        both, theirs = Scope(own + other.columns), Scope(other.columns)
        text = put("MERGE INTO goal USING {0} ON goal.id = {1}", source, other.columns[0])
        if self.chance(0.5):
            text = put("{0} WHEN MATCHED AND {1} THEN DELETE", text, self.plain.any(both, "B", 1))
        if self.chance(0.8):
            text = put("{0} WHEN MATCHED THEN UPDATE SET {1}", text, self.assignments(both))
        if self.chance(0.8) or "WHEN" not in text.bq:
            values = [put(f"({first} + {{0}})", other.columns[0])] \
                + [self.bounded(theirs, t) for t in list(COLUMNS.values())[1:]]
            text = put("{0} WHEN NOT MATCHED AND {1} THEN INSERT (" + ", ".join(COLUMNS) + ") VALUES ({2})", text,
                       self.plain.any(theirs, "B", 1), join(", ", values))
        return text


def change(seed):
    """One statement; `seed` is also where its new ids begin."""
    made = Changes(seed)
    kind = made.r.randrange(5)
    if kind == 0:
        return made.insert(seed * 1000)
    if kind == 1:
        return made.merge(seed * 1000)
    return made.delete() if kind == 2 else made.update()
