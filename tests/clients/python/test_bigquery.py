# SPDX-License-Identifier: Apache-2.0
"""The official Python client of BigQuery against the emulator."""
import datetime
import decimal
import io
import os
import uuid

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

pytestmark = pytest.mark.skipif("BIGQUERY_EMULATOR_HOST" not in os.environ,
                                reason="BIGQUERY_EMULATOR_HOST is not set")
Field = bigquery.SchemaField


@pytest.fixture
def client(project):
    return bigquery.Client(project=project, credentials=AnonymousCredentials())


@pytest.fixture
def dataset(client):
    made = client.create_dataset("python_" + uuid.uuid4().hex)
    yield made.dataset_id
    client.delete_dataset(made, delete_contents=True)


def rows_of(client, sql, **config):
    job = client.query(sql, job_config=bigquery.QueryJobConfig(**config))
    return [dict(row) for row in job.result(timeout=30)]


def test_each_type_comes_back_as_it_went(client, dataset):
    table = client.create_table(bigquery.Table(f"{client.project}.{dataset}.t", schema=[
        Field("id", "STRING", "REQUIRED"), Field("i", "INT64"), Field("f", "FLOAT64"),
        Field("b", "BOOL"), Field("ts", "TIMESTAMP"), Field("d", "DATE"), Field("tm", "TIME"),
        Field("dt", "DATETIME"), Field("num", "NUMERIC"), Field("by", "BYTES"),
        Field("j", "JSON"), Field("tags", "STRING", "REPEATED"),
        Field("r", "RECORD", fields=[Field("x", "INT64"), Field("y", "STRING", "REPEATED")])]))
    full = {"id": "a", "i": 2**62, "f": 1.5, "b": True,
            "ts": datetime.datetime(2026, 11, 24, 1, 2, 3, 450000, tzinfo=datetime.timezone.utc),
            "d": datetime.date(2026, 1, 2), "tm": datetime.time(1, 2, 3, 4),
            "dt": datetime.datetime(2026, 1, 2, 3, 4, 5), "num": decimal.Decimal("1.25"),
            "by": b"\x00\xff", "j": {"k": [1, None]}, "tags": ["x", ""],
            "r": {"x": 5, "y": ["q"]}}
    empty = {**{name: None for name in full}, "id": "b", "tags": []}
    assert client.insert_rows(table, [full, {"id": "b"}]) == []
    assert rows_of(client, f"SELECT * FROM {dataset}.t ORDER BY id") == [full, empty]


def test_one_bad_row_stops_all_unless_they_may_be_skipped(client, dataset):
    table = client.create_table(bigquery.Table(
        f"{client.project}.{dataset}.t", schema=[Field("id", "STRING", "REQUIRED")]))
    bad = [{"id": "a", "extra": 1}, {"id": "b"}]
    errors = client.insert_rows_json(table, bad)
    assert [(e["index"], e["errors"][0]["reason"], e["errors"][0]["location"])
            for e in errors] == [(0, "invalid", "extra"), (1, "stopped", "")]
    assert rows_of(client, f"SELECT id FROM {dataset}.t") == []
    assert [e["index"] for e in client.insert_rows_json(table, bad, skip_invalid_rows=True)] == [0]
    assert client.insert_rows_json(table, [{"id": "c", "z": 1}], ignore_unknown_values=True) == []
    assert rows_of(client, f"SELECT id FROM {dataset}.t ORDER BY id") == [{"id": "b"}, {"id": "c"}]


def test_an_insert_id_counts_once(client, dataset):
    table = client.create_table(bigquery.Table(
        f"{client.project}.{dataset}.t", schema=[Field("id", "STRING")]))
    for _ in range(2):
        assert client.insert_rows_json(table, [{"id": "a"}, {"id": "b"}], row_ids=["1", "2"]) == []
    assert len(rows_of(client, f"SELECT id FROM {dataset}.t")) == 2


def test_parameters_keep_their_types(client):
    now = datetime.datetime(2026, 11, 24, tzinfo=datetime.timezone.utc)
    assert rows_of(client, "SELECT @i + 1 AS i, @s AS s, @l AS l, @t AS t", query_parameters=[
        bigquery.ScalarQueryParameter("i", "INT64", 4),
        bigquery.ScalarQueryParameter("s", "STRING", "é"),
        bigquery.ArrayQueryParameter("l", "INT64", [1, 2]),
        bigquery.ScalarQueryParameter("t", "TIMESTAMP", now)]) == [
            {"i": 5, "s": "é", "l": [1, 2], "t": now}]


def test_results_come_in_pages_by_job_and_by_table(client):
    job = client.query("SELECT n FROM UNNEST(GENERATE_ARRAY(1, 2500)) AS n ORDER BY n")
    assert [row.n for row in job.result(page_size=999)] == list(range(1, 2501))
    assert len(list(client.list_rows(job.destination, page_size=1000))) == 2500


@pytest.mark.parametrize("sql, error", [
    ("SELEC 1", exceptions.BadRequest), ("SELECT 1 / 0", exceptions.BadRequest),
    ("SELECT * FROM nowhere.t", exceptions.NotFound)])
def test_a_failed_query_is_told_at_once(client, sql, error):
    with pytest.raises(error):
        client.query(sql).result(timeout=30)
    with pytest.raises(error):
        client.query_and_wait(sql)


def test_a_partition_filter_is_demanded_and_prunes(client, dataset):
    client.query(f"CREATE TABLE {dataset}.t (id INT64, ts TIMESTAMP) PARTITION BY DATE(ts) "
                 "OPTIONS (require_partition_filter = true)").result(timeout=30)
    client.query(f"INSERT {dataset}.t SELECT n, TIMESTAMP_ADD(TIMESTAMP '2026-01-01', "
                 "INTERVAL n DAY) FROM UNNEST(GENERATE_ARRAY(1, 10)) AS n").result(timeout=30)
    with pytest.raises(exceptions.BadRequest, match="partition elimination"):
        rows_of(client, f"SELECT * FROM {dataset}.t")

    def bytes_of(since):
        job = client.query(f"SELECT * FROM {dataset}.t WHERE ts >= '{since}'",
                           job_config=bigquery.QueryJobConfig(dry_run=True))
        return job.total_bytes_processed
    assert bytes_of("2026-01-02") == 10 * bytes_of("2026-01-11") > 0


def test_changes_tell_how_many_rows(client, dataset):
    client.query(f"CREATE TABLE {dataset}.t AS SELECT 1 AS n UNION ALL SELECT 2").result()
    job = client.query(f"UPDATE {dataset}.t SET n = n + 1 WHERE n > 1")
    job.result(timeout=30)
    assert (job.statement_type, job.num_dml_affected_rows) == ("UPDATE", 1)
    assert job.dml_stats.updated_row_count == 1


def test_metadata_is_updated_by_its_version(client, dataset):
    table = client.create_table(bigquery.Table(
        f"{client.project}.{dataset}.t", schema=[Field("id", "STRING")]))
    client.insert_rows_json(table, [{"id": "a"}])
    stale = client.get_table(table)
    table.description = "first"
    table.schema = [*table.schema, Field("more", "STRING")]
    table = client.update_table(table, ["description", "schema"])
    assert table.description == "first" and len(table.schema) == 2
    stale.description = "second"
    with pytest.raises(exceptions.PreconditionFailed):
        client.update_table(stale, ["description"])
    table.schema = table.schema[:1]
    with pytest.raises(exceptions.BadRequest, match="missing in new schema"):
        client.update_table(table, ["schema"])


@pytest.mark.parametrize("n", [3, 200000])  # multipart's size, and several chunks
def test_files_are_loaded(client, dataset, n):
    lines = b"".join(b'{"id": %d, "text": "%s"}\n' % (i, b"x" * 60) for i in range(n))
    job = client.load_table_from_file(
        io.BytesIO(lines), f"{client.project}.{dataset}.t", size=len(lines) if n < 10 else None,
        job_config=bigquery.LoadJobConfig(
            source_format="NEWLINE_DELIMITED_JSON",
            schema=[Field("id", "INT64"), Field("text", "STRING")]))
    assert job.result(timeout=60).output_rows == n
    assert client.get_table(f"{dataset}.t").num_rows == n


def test_csv_brings_its_schema(client, dataset):
    text = b'id,name,day\n1,"x, ""y""",2026-01-01\n2,,\n'
    client.load_table_from_file(
        io.BytesIO(text), f"{client.project}.{dataset}.t",
        job_config=bigquery.LoadJobConfig(source_format="CSV", autodetect=True)).result(timeout=30)
    assert rows_of(client, f"SELECT * FROM {dataset}.t ORDER BY id") == [
        {"id": 1, "name": 'x, "y"', "day": datetime.date(2026, 1, 1)},
        {"id": 2, "name": None, "day": None}]


def test_a_dataset_twice_is_a_conflict_and_a_used_one_stays(client, dataset):
    with pytest.raises(exceptions.Conflict):
        client.create_dataset(dataset)
    client.create_dataset(dataset, exists_ok=True)
    client.create_table(bigquery.Table(f"{client.project}.{dataset}.t"))
    with pytest.raises(exceptions.BadRequest, match="still in use"):
        client.delete_dataset(dataset)
    client.delete_table(f"{dataset}.no", not_found_ok=True)


def test_json_rows_are_loaded_copied_listed(client, dataset):
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert client.load_table_from_json(rows, f"{dataset}.t").result(timeout=30).output_rows == 2
    client.copy_table(f"{dataset}.t", f"{dataset}.u").result(timeout=30)
    table = client.get_table(f"{dataset}.u")
    assert [dict(r) for r in client.list_rows(table)] == rows
    assert [dict(r) for r in client.list_rows(table, selected_fields=[Field("a", "INT64")], start_index=1)] == [{"a": 2}]
    assert [t.table_id for t in client.list_tables(dataset)] == ["t", "u"]
    assert list(client.list_routines(dataset)) == [] and list(client.list_models(dataset)) == []
    assert client.get_iam_policy(table).bindings == []


def test_a_result_replaces_the_table_that_it_was_read_from(client, dataset):
    client.load_table_from_json([{"a": 1}], f"{dataset}.t").result(timeout=30)
    config = bigquery.QueryJobConfig(destination=f"{client.project}.{dataset}.t", write_disposition="WRITE_TRUNCATE")
    client.query(f"SELECT a + 1 AS a FROM {dataset}.t", job_config=config).result(timeout=30)
    assert rows_of(client, f"SELECT a FROM {dataset}.t") == [{"a": 2}]


def test_jobs_are_found_by_sql(client):
    job = client.query("SELECT 1 AS found_by_sql")
    job.result(timeout=30)
    assert rows_of(client, "SELECT statement_type, state FROM `region-us`.INFORMATION_SCHEMA.JOBS "
                   f"WHERE job_id = '{job.job_id}'") == [{"statement_type": "SELECT", "state": "DONE"}]
