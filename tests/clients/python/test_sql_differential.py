# SPDX-License-Identifier: Apache-2.0
"""Random statements in our BigQuery through its official client, in DuckDB and, where it has
the words, in SQLite: rows, their order and the types of columns are the same.

The statements are those of the numbers 0, 1, 2, ...; DATOS_SQL_STATEMENTS says how many,
DATOS_SQL_FIRST where to begin. support/sqlgen makes them and tells what it keeps away."""
import datetime
import os
import sqlite3
import uuid

import duckdb
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from sqlgen import compare, data, dml
from sqlgen.queries import Query, statement
from sqlgen.text import FIELD, NAMES, same

pytestmark = pytest.mark.skipif("BIGQUERY_EMULATOR_HOST" not in os.environ,
                                reason="BIGQUERY_EMULATOR_HOST is not set")
STATEMENTS = int(os.environ.get("DATOS_SQL_STATEMENTS", "1500"))
FIRST = int(os.environ.get("DATOS_SQL_FIRST", "0"))
PARTS = 5  # of the statements, each a test


def parameter(name, typ, value):
    """As the client wants it: moments as Python's own."""
    if typ in "aw":
        return bigquery.ArrayQueryParameter(name, "INT64" if typ == "a" else "STRING", value)
    if typ == "D":
        value = datetime.date.fromisoformat(value)
    elif typ in "TM":
        value = datetime.datetime.fromisoformat(value.ljust(26, "0") if "." in value else value)
        value = value.replace(tzinfo=datetime.timezone.utc) if typ == "T" else value
    return bigquery.ScalarQueryParameter(name, NAMES[typ][0], value)


class Engines:
    """The three, with the same tables."""

    def __init__(self, project):
        self.client = bigquery.Client(project=project, credentials=AnonymousCredentials())
        self.dataset = self.client.create_dataset("differential_" + uuid.uuid4().hex)
        self.config = bigquery.QueryJobConfig(default_dataset=self.dataset.reference)
        self.duck = duckdb.connect(config={"threads": 1})
        self.duck.execute("SET TimeZone = 'UTC'; SET order_by_non_integer_literal = true")
        self.lite = sqlite3.connect(":memory:")
        self.lite.execute("PRAGMA case_sensitive_like = ON")
        data.load(self.dataset.dataset_id, self.ours, self.duck.execute, self.lite.execute)

    def ours(self, text, parameters=None):
        config = self.config
        if parameters:
            config = bigquery.QueryJobConfig(default_dataset=self.dataset.reference, query_parameters=[
                parameter(name, typ, value) for name, (typ, value) in parameters.items()])
        return self.client.query_and_wait(text, job_config=config, wait_timeout=60)

    def close(self):
        self.client.delete_dataset(self.dataset, delete_contents=True)


@pytest.fixture(scope="module")
def engines():
    made = Engines(os.environ["GOOGLE_CLOUD_PROJECT"])
    yield made
    made.close()


def held_against(engines, query, ours):
    """None, or how the others' answer to a query differs from ours."""
    types = [column[1] for column in query.columns]
    for name, ask, text in (("DuckDB", engines.duck.execute, query.duck),
                            ("SQLite", engines.lite.execute, query.lite)):
        if text is None:
            continue
        try:
            theirs = compare.rows(types, ask(text).fetchall())
        except (duckdb.Error, sqlite3.Error) as error:
            return f"{name}: {error}\n{text}"
        found = compare.differ(types, ours, theirs, query.ordered)
        if found:
            return f"{name}: {found}\n{text}\nwe: {ours[:20]}\n{name}: {theirs[:20]}"
    return None


def difference(engines, query):
    """None, or what is not the same. Nothing that is generated may fail."""
    types = [column[1] for column in query.columns]
    try:
        table = engines.ours(query.bq, query.parameters)
        ours = compare.rows(types, (row.values() for row in table))
    except exceptions.GoogleAPICallError as failed:
        return f"{query.bq}\n{query.parameters}\nwe: {failed.message}"
    shown = [field.field_type for field in table.schema]
    if shown != [FIELD[t] for t in types]:
        return f"{query.bq}\nwe: columns of types {shown}, not {types}"
    found = held_against(engines, query, ours)
    return found and f"{query.bq}\n{query.parameters}\n{found}"


def report(found, what):
    """The first few, and how to see one again."""
    shown = "\n\n".join(f"{what} {seed} (DATOS_SQL_FIRST={seed} DATOS_SQL_STATEMENTS=1): {text}" for seed, text in found[:3])
    assert not found, f"{len(found)} differ: {[seed for seed, _ in found]}\n{shown}"


@pytest.mark.parametrize("part", range(PARTS))
def test_random_queries_are_answered_as_by_others(engines, part):
    seeds = range(FIRST + part, FIRST + STATEMENTS, PARTS)
    report([(seed, text) for seed in seeds if (text := difference(engines, statement(seed)))], "statement")


def test_random_changes_leave_what_others_leave(engines):
    everything = Query(same("SELECT * FROM goal"), [(name, typ, 0, 0) for name, typ in dml.COLUMNS.items()])
    everything.lite = None
    engines.ours(f"CREATE TABLE goal AS {dml.START}")
    engines.duck.execute(f"CREATE TABLE goal AS {dml.START}")
    for seed in range(FIRST, FIRST + max(STATEMENTS // 10, 1)):
        change = dml.change(seed)
        job = engines.client.query(change.bq, job_config=engines.config)
        job.result(timeout=60)
        theirs = engines.duck.execute(change.duck).fetchone()[0]
        found = None if job.num_dml_affected_rows == theirs else f"we: {job.num_dml_affected_rows} rows, DuckDB: {theirs}"
        found = found or difference(engines, everything)
        # what follows a difference says nothing
        report([(seed, f"{change.bq}\n{change.duck}\n{found}")] if found else [], "change")


def test_the_statements_are_many_and_of_all_kinds():
    """A generator that makes little proves little."""
    made = [statement(seed) for seed in range(900)]
    assert len({query.bq for query in made}) > 880
    assert sum(query.lite is not None for query in made) > 250
    text = "\n".join(query.bq for query in made)
    for word in ("RIGHT JOIN", "FULL JOIN", "USING (", "WITH RECURSIVE", "UNION DISTINCT", "INTERSECT", "EXCEPT DISTINCT",
                 "QUALIFY", "ROLLUP", "CUBE", "GROUPING SETS", "GROUP BY ALL", "HAVING", "RANGE BETWEEN", "ROWS BETWEEN",
                 "NTH_VALUE", "NOT EXISTS", " NOT IN (SELECT", "WITH OFFSET", "ARRAY_AGG", "STRING_AGG", "SELECT DISTINCT",
                 "NULLS LAST", "OFFSET 3", "AT TIME ZONE", "NUMERIC '", "SAFE_CAST", "@p0",
                 "* EXCEPT (", "REPLACE ("):
        assert word in text, word
