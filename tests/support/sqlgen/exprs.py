# SPDX-License-Identifier: Apache-2.0
"""Random typed expressions over the columns of a scope. No expression can fail: integers
stay far from overflow (sizes are tracked), divisors are never 0."""
import decimal

from .calls import CALLS, LIKES, PATTERNS, ZONES
from .text import COMPARABLE, SAME, Expr, literal, put

BY_TYPE = {False: {}, True: {}}  # whether SQLite must have it, too
for call in CALLS:
    for narrow in (False, True) if call[3] else (False,):
        BY_TYPE[narrow].setdefault(call[0], []).append(call)
MOST = {"I": 1e15, "F": 1e8, "N": 1e9}
VALUES = {
    "I": [0, 1, 2, -1, 7, -13, 100], "F": [0.0, 0.5, -1.25, 2.0, 10.75],
    "N": [decimal.Decimal(x) for x in ("0", "1.5", "-2.25", "10", "0.01")],
    "S": ["", "a", "red", "Blue", "é", "apple", "it's", "12", "日本"], "B": [True, False],
    "D": ["2020-02-29", "1999-12-31", "2021-01-01", "1969-07-20"],
    "T": ["2020-03-08 07:30:00", "2019-12-31 23:59:59.999999", "1969-07-20 20:17:40.25"],
    "M": ["2020-03-08 07:30:00", "2019-12-31 23:59:59.999999", "1969-07-20 20:17:40.25"],
    "a": [[1, 2], [], [-1, 0, 3]], "w": [["a", "b"], [], ["é"]]}
WORDS = ["a", "b", "e", "é", "1", ",", "ab", "x"]


class Scope:
    """What can be referred to: columns by type; `keys` tell rows apart, if
    anything does; `aliases`: (table, alias) of what is joined; `rows`: about how many."""

    def __init__(self, columns, keys=(), aliases=(), rows=40):
        self.columns, self.keys, self.aliases, self.rows = list(columns), list(keys), list(aliases), rows

    def of(self, typ):
        return [c for c in self.columns if c.typ == typ]

    def meant_in(self, expr):
        """Whether it refers to anything here: a constant sorts and groups nothing."""
        return any(c.bq in expr.bq for c in self.columns)

    def types(self, among=COMPARABLE):
        return [t for t in among if self.of(t)]


class Exprs:
    """`r`: the source of chance; `subquery(scope, type, depth)` gives a predicate or
    a number made of another SELECT; `narrow`: only what SQLite has words for; `parameters`:
    takes values that BigQuery gets beside the statement, as @p0, @p1..."""

    def __init__(self, r, subquery, narrow, parameters=None):
        self.r, self.subquery, self.narrow, self.parameters = r, subquery, narrow, parameters

    # --- leaves -------------------------------------------------------------
    def literal(self, typ):
        typ = "I" if typ in "Ifn" else typ
        value = self.r.choice(VALUES[typ])
        made = literal(typ, value)
        if typ == "I":
            made.duck = f"CAST({made.duck} AS BIGINT)"  # else it is one of 32 bits
        if self.parameters is not None and self.r.random() < 0.7:
            made.bq = f"@p{len(self.parameters)}"
            self.parameters.append((typ, value))
        return made

    def leaf(self, scope, typ):
        columns = scope.of(typ)
        if columns and self.r.random() < 0.85:
            return self.r.choice(columns)
        if self.r.random() < 0.04 and typ in COMPARABLE:
            return literal(typ, None)
        return self.literal(typ)

    def argument(self, scope, letter, depth):
        r = self.r
        if letter in COMPARABLE or letter in "aw":
            return self.any(scope, letter, depth)
        if letter == "c":
            return literal("I", r.randrange(5))
        if letter == "p":
            return literal("I", r.randrange(1, 6))
        if letter == "z":
            return literal("I", r.choice([1, 2, 3, 4, 7, -3, -8, 10]))
        if letter == "j":
            return literal("I", r.randrange(-40, 41))
        if letter == "h":
            return literal("I", r.choice([65, 233, 0x65e5, 0x1f600]))
        if letter in "qxly3":
            return literal("S", r.choice({"q": WORDS, "x": PATTERNS, "l": LIKES, "y": ZONES, "3": ZONES[:3]}[letter]))
        # a column as it is, or a literal
        typ = {"C": "S", "i": "I", "2": "F"}[letter]
        plain = [c for c in scope.of(typ) if c.size <= 1000]
        return r.choice(plain) if plain and r.random() < 0.8 else self.literal(typ)

    # --- any expression of a type -------------------------------------------------
    def any(self, scope, typ, depth):
        if depth <= 0 or self.r.random() < 0.25:
            if typ in "fn":
                return self.call(scope, typ, 1)
            return self.leaf(scope, typ)
        makers = [self.call, self.call, self.conditional]
        if typ in "IFN":
            makers += [self.arithmetic] * 3
        if typ == "B":
            makers = [self.call, self.compare, self.compare, self.logic, self.logic, self.null_test, self.members,
                      self.conditional]
            if depth > 1 and scope.aliases and self.subquery:
                makers.append(lambda s, t, d: self.subquery(s, "B", d))
        elif typ == "I" and depth > 1 and scope.aliases and self.subquery:
            makers.append(lambda s, t, d: self.subquery(s, "I", d))
        made = self.r.choice(makers)(scope, typ, depth)
        return made or self.leaf(scope, typ)

    def call(self, scope, typ, depth):
        if typ not in BY_TYPE[self.narrow]:
            return None
        row = self.r.choice(BY_TYPE[self.narrow][typ])
        if "SELECT" in row[1] and not self.subquery:
            return None  # what is grouped is not known in a subquery
        _, bq, duck, lite, letters = row[:5]
        args = [self.argument(scope, x, depth - 1) for x in letters]
        text = put(bq, *args, duck=bq if duck is SAME else duck,
                   lite=None if lite is None else (bq if duck is SAME else duck) if lite is SAME else lite)
        if lite is None:
            text.lite = None
        size = row[5] if len(row) > 5 else max([a.size for a in args], default=0) + 1
        return Expr(typ, text, size, args[0].digits if typ == "N" and args[0].typ == "N" else (12, 2))

    def arithmetic(self, scope, typ, depth):
        a, b = self.any(scope, typ, depth - 1), self.any(scope, typ, depth - 1)
        sign = self.r.choice("+-*" if typ != "N" else "++--*")
        if typ == "N" and self.r.random() < 0.3:
            return self.rounded(a)
        size = a.size * b.size if sign == "*" else a.size + b.size
        if size > MOST[typ]:
            return a
        digits = a.digits
        if typ == "N":
            (w, s), (x, z) = a.digits, b.digits
            whole = max(w - s, x - z) + 1
            digits = (w + x, s + z) if sign == "*" else (whole + max(s, z), max(s, z))
            if digits[0] > 36 or digits[1] > 8:
                return a
        return Expr(typ, put("({0} " + sign + " {1})", a, b), size, digits)

    def rounded(self, a):
        """FLOOR and CEIL, and rounding, of decimals."""
        places = self.r.choice(["FLOOR({0})", "CEIL({0})", "ROUND({0})", "ROUND({0}, 1)", "ABS({0})", "TRUNC({0})",
                                "(-{0})"])
        w, s = a.digits
        text = put(places, a, duck=f"CAST({places} AS DECIMAL({min(w + 1, 36)},{s}))", lite="")
        text.lite = None
        return Expr("N", text, a.size + 1, (min(w + 1, 36), s))

    def conditional(self, scope, typ, depth):
        r = self.r
        a, b = self.any(scope, typ, depth - 1), self.any(scope, typ, depth - 1)
        if typ == "N" and a.digits != b.digits:
            return a
        test = self.any(scope, "B", depth - 1)
        size = max(a.size, b.size)
        kind = r.randrange(8)
        if typ in "fn" or typ in "aw" or kind == 0:
            text = put("IF({0}, {1}, {2})", test, a, b, duck="CASE WHEN {0} THEN {1} ELSE {2} END",
                       lite="CASE WHEN {0} THEN {1} ELSE {2} END")
        elif kind == 1:
            text = put("CASE WHEN {0} THEN {1} ELSE {2} END", test, a, b)
        elif kind == 2:
            text = put("CASE WHEN {0} THEN {1} END", test, a)
        elif kind == 3:
            key = r.choice(scope.types("IS") or ["I"])
            text = put("CASE {0} WHEN {1} THEN {2} WHEN {3} THEN {4} ELSE {2} END", self.any(scope, key, depth - 1),
                       self.leaf(scope, key), a, self.leaf(scope, key), b)
        elif kind == 4:
            text = put("COALESCE({0}, {1})", a, b)
        elif kind == 5:
            text = put("IFNULL({0}, {1})", a, b)
        elif kind == 6:
            text = put("NULLIF({0}, {1})", a, b)
        elif typ in "IFNSDT":
            return self.extreme(scope, typ, a, b)
        else:
            text = put("CASE WHEN NOT {0} THEN {1} ELSE {2} END", test, a, b)
        return Expr(typ, text, size, a.digits)

    def extreme(self, scope, typ, a, b):
        name = self.r.choice(["GREATEST", "LEAST"])
        lite = {"GREATEST": "max", "LEAST": "min"}[name] + "({0}, {1})"
        return Expr(typ, put(name + "({0}, {1})", a, b, lite=lite, duck="CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL ELSE "
                             + name + "({0}, {1}) END"), max(a.size, b.size), a.digits)

    # --- predicates -------------------------------------------------------------
    def pair(self, scope, depth):
        typ = self.r.choice(scope.types() or ["I"])
        return self.any(scope, typ, depth - 1), self.any(scope, typ, depth - 1)

    def compare(self, scope, typ, depth):
        a, b = self.pair(scope, depth)
        if a.typ == "I" and self.r.random() < 0.2:
            b = self.any(scope, "F", depth - 1)  # INT64 beside FLOAT64
            if a.size > 1e9:
                return None
        how = self.r.choice(["=", "<>", "!=", "<", "<=", ">", ">=", "between", "not between", "distinct", "same"])
        if how.endswith("between"):
            c = self.any(scope, b.typ, depth - 1)
            return Expr("B", put("({0} " + how.upper() + " {1} AND {2})", a, b, c))
        if how in ("distinct", "same"):
            word = "IS DISTINCT FROM" if how == "distinct" else "IS NOT DISTINCT FROM"
            return Expr("B", put("({0} " + word + " {1})", a, b))
        return Expr("B", put("({0} " + how + " {1})", a, b))

    def logic(self, scope, typ, depth):
        a, b = self.any(scope, "B", depth - 1), self.any(scope, "B", depth - 1)
        how = self.r.choice(["({0} AND {1})", "({0} OR {1})", "(NOT {0})", "({0} IS TRUE)", "({0} IS NOT FALSE)",
                             "({0} AND ({1} OR NOT {0}))", "({0} = {1})"])
        return Expr("B", put(how, a, b))

    def null_test(self, scope, typ, depth):
        a = self.any(scope, self.r.choice(scope.types() or ["I"]), depth - 1)
        return Expr("B", put("({0} IS " + self.r.choice(["", "NOT "]) + "NULL)", a))

    def members(self, scope, typ, depth):
        which = self.r.choice(scope.types("ISD") or ["I"])
        if self.r.random() < 0.15:
            a, b = self.leaf(scope, which), self.leaf(scope, "I")
            pairs = [self.literal(which), self.literal("I"), self.literal(which), self.literal("I")]
            return Expr("B", put("(({0}, {1}) IN (({2}, {3}), ({4}, {5})))", a, b, *pairs, duck="(({0} = {2} AND {1} = {3}) "
                                 "OR ({0} = {4} AND {1} = {5}))", lite="(({0}, {1}) IN (VALUES ({2}, {3}), ({4}, {5})))"))
        a = self.any(scope, which, depth - 1)
        listed = [self.leaf(scope, which) for _ in range(self.r.randrange(1, 4))]
        places = ", ".join("{%d}" % (i + 1) for i in range(len(listed)))
        word = self.r.choice(["IN", "IN", "NOT IN"])
        return Expr("B", put("({0} " + word + " (" + places + "))", a, *listed))
