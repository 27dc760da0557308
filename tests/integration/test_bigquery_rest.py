# SPDX-License-Identifier: Apache-2.0
"""The BigQuery emulator over plain REST: what official clients cannot ask for,
and what the control API does to it."""
import gzip
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import datos  # noqa: E402
from emulator import PROJECT, Emulator  # noqa: E402

LINE = [{"name": "id", "type": "STRING", "mode": "REQUIRED"}, {"name": "n", "type": "INT64"}]


class BigQuery:
    """One dataset, `d`, of an emulator of its own."""

    def __init__(self, *flags):
        self.emulator = Emulator(*flags)
        self.call("POST", "datasets", {"datasetReference": {"datasetId": "d"}})

    def ask(self, method, path, body=None):
        return datos.request(method, f"http://{self.emulator.bigquery}/bigquery/v2/projects/{PROJECT}/{path}", body,
                             seconds=120)

    def call(self, method, path, body=None):
        answer = self.ask(method, path, body)
        assert answer.status < 300, answer.body
        return json.loads(answer.body) if answer.body else {}

    def query(self, sql, **more):
        return self.call("POST", "queries", {"query": sql, "useLegacySql": False,
                                             "defaultDataset": {"datasetId": "d"}, **more})

    def rows(self, sql, **more):
        def value(v):
            return [value(x["v"]) for x in v["f"]] if isinstance(v, dict) else v
        return [[value(c["v"]) for c in row["f"]] for row in self.query(sql, **more).get("rows", [])]

    def table(self, name="t", schema=None, **more):
        return self.call("POST", "datasets/d/tables", {
            "tableReference": {"tableId": name}, "schema": {"fields": schema or LINE}, **more})

    def insert(self, *rows, table="t", **more):
        return self.call("POST", f"datasets/d/tables/{table}/insertAll", {
            "rows": [{"json": r} for r in rows], **more}).get("insertErrors", [])

    def faults(self, *rules):
        answer = self.emulator.control("PUT", "faults", {
            "rules": [{"service": "bigquery", **rule} for rule in rules]})
        assert answer.status == 200, answer.body


@pytest.fixture(params=["--memory"])
def bq(request):
    made = BigQuery(request.param)
    yield made
    assert made.emulator.stop() == 0, made.emulator.log()


# --- jobs ---------------------------------------------------------------------

def test_information_schema_shows_the_jobs(bq):
    bq.table()
    bq.query("SELECT COUNT(*) FROM t")
    assert bq.ask("POST", "queries", {"query": "SELECT 1/0", "useLegacySql": False}).status == 400
    jobs = bq.rows("SELECT query, job_type, statement_type, state, error_result.reason, user_email,"
                   " end_time >= creation_time, cache_hit FROM `region-us`.INFORMATION_SCHEMA.JOBS ORDER BY creation_time")
    email = "emulator@datos-local.iam.gserviceaccount.com"
    assert jobs == [["SELECT COUNT(*) FROM t", "QUERY", "SELECT", "DONE", None, email, "true", "false"],
                    ["SELECT 1/0", "QUERY", "SELECT", "DONE", "invalidQuery", email, "true", "false"]]
    assert len(bq.rows("SELECT job_id FROM `region-us`.INFORMATION_SCHEMA.JOBS_BY_PROJECT WHERE state = 'DONE'")) == 3
    assert bq.rows("SELECT COUNT(*) FROM other.`region-us`.INFORMATION_SCHEMA.JOBS") == [["0"]]
    bq.call("POST", "jobs", {"configuration": {"copy": {
        "sourceTable": {"projectId": PROJECT, "datasetId": "d", "tableId": "t"},
        "destinationTable": {"projectId": PROJECT, "datasetId": "d", "tableId": "c"}}}})
    assert bq.rows("SELECT destination_table.table_id, query FROM `region-us`.INFORMATION_SCHEMA.JOBS_BY_USER"
                   " WHERE job_type = 'COPY'") == [["c", None]]


LONG = ("SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 50000)) AS a, UNNEST(GENERATE_ARRAY(1, 50000)) AS b"
        " WHERE MOD(a * b, 7) = 3")


def start(bq, sql, id):
    return bq.call("POST", "jobs", {"jobReference": {"jobId": id},
                                    "configuration": {"query": {"query": sql, "useLegacySql": False}}})


def start_fails(bq, sql, id):
    start(bq, sql, id)
    datos.wait_for(lambda: in_state(bq, id, "DONE"), 120)
    return shown(bq, id)["status"]["errorResult"]["reason"]


def shown(bq, id):
    return bq.call("GET", f"jobs/{id}")


def in_state(bq, id, state):
    return shown(bq, id)["status"]["state"] == state


def cancel(bq, ids):
    for id in ids:
        bq.call("POST", f"jobs/{id}/cancel")
    for id in ids:
        datos.wait_for(lambda: in_state(bq, id, "DONE"), 120)
        assert shown(bq, id)["status"]["errorResult"]["reason"] == "stopped"


def test_short_queries_go_on_while_long_ones_run(bq):
    ids = [f"long{i}" for i in range(12)]
    for id in ids:
        start(bq, LONG, id)
        datos.wait_for(lambda: in_state(bq, id, "RUNNING"), 120)
        assert "startTime" in shown(bq, id)["statistics"]
    assert bq.query("SELECT 1", timeoutMs=120000)["jobComplete"]
    assert bq.call("GET", "datasets/d")["id"]
    assert all(in_state(bq, id, "RUNNING") for id in ids)
    cancel(bq, ids)


def test_a_job_that_finds_no_worker_is_pending_and_can_be_cancelled(bq):
    ids = [f"long{i}" for i in range(64)]
    with ThreadPoolExecutor(16) as starters:
        list(starters.map(lambda id: start(bq, LONG, id), ids))
    waiting = start(bq, "SELECT 1", "waits")
    assert waiting["status"] == {"state": "PENDING"} and "startTime" not in waiting["statistics"]
    cancel(bq, ["waits"])
    assert not any(in_state(bq, id, "DONE") for id in ids)
    cancel(bq, ids)
    assert bq.rows("SELECT 1") == [["1"]]


def test_calls_go_on_while_a_statement_holds_the_writer(bq):
    bq.table("big", [{"name": "n", "type": "INT64"}])
    bq.table()
    start(bq, "INSERT INTO d.big " + LONG, "holds")
    datos.wait_for(lambda: in_state(bq, "holds", "RUNNING"), 120)
    with ThreadPoolExecutor(4) as writers:  # more than the threads that are always there
        stored = [writers.submit(bq.insert, {"id": str(i)}) for i in range(4)]
        assert bq.call("GET", "datasets/d")["id"]
        cancel(bq, ["holds"])
        assert [s.result(120) for s in stored] == [[]] * 4
    assert bq.rows("SELECT COUNT(*) FROM t") == [["4"]]


def results(bq, id, **params):
    path = f"queries/{id}?" + "&".join(f"{k}={v}" for k, v in params.items())
    answer = bq.call("GET", path)
    return answer["totalRows"], [row["f"][0]["v"] for row in answer.get("rows", [])], answer.get("pageToken")


def test_queries_whose_jobs_are_kept_answer_while_a_statement_holds_the_writer(bq):
    bq.table("big", [{"name": "n", "type": "INT64"}])
    bq.table()
    bq.query("INSERT INTO t (id, n) SELECT CAST(x AS STRING), x FROM UNNEST([5, 7]) AS x")
    bq.query("UPDATE t SET n = n + 1 WHERE TRUE")  # how much it holds is unknown from here on
    start(bq, "INSERT INTO d.big " + LONG, "holds")
    datos.wait_for(lambda: in_state(bq, "holds", "RUNNING"), 120)
    ids = [f"short{i}" for i in range(8)]
    for id in ids:
        start(bq, "SELECT n FROM d.t ORDER BY n", id)
        datos.wait_for(lambda: in_state(bq, id, "DONE"), 120)
        assert results(bq, id) == ("2", ["6", "8"], None)
    assert bq.call("GET", "datasets/d/tables/t")["numRows"] == "2"
    asked = bq.query("SELECT n FROM d.t WHERE n > 6", requestId="once", timeoutMs=120000)
    assert asked["rows"] == [{"f": [{"v": "8"}]}]
    assert bq.query("SELECT n FROM d.t WHERE n > 6", requestId="once")["jobReference"] == asked["jobReference"]
    assert start_fails(bq, "SELECT 1/0", "wrong") == "invalidQuery"
    assert in_state(bq, "holds", "RUNNING")

    def all_found():
        assert results(bq, ids[0], maxResults=1) == ("2", ["6"], "1")
        assert results(bq, ids[0], startIndex=1) == ("2", ["8"], None)
        done = shown(bq, ids[0])
        assert done["statistics"]["query"]["totalBytesProcessed"] == "16"
        anonymous = done["configuration"]["query"]["destinationTable"]
        rows = bq.call("GET", f"datasets/{anonymous['datasetId']}/tables/{anonymous['tableId']}/data")["rows"]
        assert [row["f"][0]["v"] for row in rows] == ["6", "8"]
        refused(bq.ask("POST", "jobs", {"jobReference": {"jobId": ids[0]}, "configuration": {
            "query": {"query": "SELECT 1", "useLegacySql": False}}}), 409, "duplicate")
        assert bq.ask("GET", "queries/wrong").status == 400
        listed = [j["jobReference"]["jobId"] for j in bq.call("GET", "jobs?stateFilter=done")["jobs"]]
        assert len(set(listed)) == len(listed) and {*ids, "wrong", asked["jobReference"]["jobId"]} <= set(listed)
        seen = [id for id, in bq.rows("SELECT job_id FROM `region-us`.INFORMATION_SCHEMA.JOBS",
                                      jobCreationMode="JOB_CREATION_OPTIONAL")]
        assert len(set(seen)) == len(seen) and set(listed) <= set(seen)

    all_found()
    cancel(bq, ["holds"])
    all_found()
    assert bq.ask("DELETE", f"jobs/{ids[0]}/delete").status == 204
    assert bq.ask("GET", f"jobs/{ids[0]}").status == 404
    start(bq, "INSERT INTO d.big " + LONG, "again")
    datos.wait_for(lambda: in_state(bq, "again", "RUNNING"), 120)
    start(bq, "SELECT 3", "last")
    datos.wait_for(lambda: in_state(bq, "last", "DONE"), 120)
    assert bq.emulator.control("POST", "reset").status == 200  # ends what runs, and forgets what waited for it
    assert bq.ask("GET", "jobs/last").status == 404
    assert bq.ask("GET", "datasets/d").status == 404


@pytest.mark.parametrize("sql", [LONG, "INSERT INTO d.big " + LONG])
def test_a_long_job_does_not_keep_the_emulator_from_ending(sql):
    bq = BigQuery("--memory")
    bq.table("big", [{"name": "n", "type": "INT64"}])
    start(bq, sql, "long")
    datos.wait_for(lambda: in_state(bq, "long", "RUNNING"), 120)
    assert bq.emulator.stop(120) == 0, bq.emulator.log()


# --- what requests ask for ----------------------------------------------------

def refused(answer, status, reason, *words):
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["errors"][0]["reason"]) == (status, reason), error
    for word in words:
        assert word in error["message"], error
    return error


def as_job(bq, query, **more):
    return bq.ask("POST", "jobs", {"configuration": {"query": {
        "query": "SELECT 1", "useLegacySql": False, **query}, **more}})


@pytest.mark.parametrize("option", [
    {"createSession": True}, {"continuous": True},
    {"destinationEncryptionConfiguration": {"kmsKeyName": "k"}},
    {"connectionProperties": [{"key": "session_id", "value": "abc"}]},
    {"connectionProperties": [{"key": "query_label", "value": "a:b"}]}])
def test_query_options_that_are_not_carried_out_are_refused_by_name(bq, option):
    name = next(iter(option))
    name = option[name][0]["key"] if name == "connectionProperties" else name
    body = {"query": "SELECT 1", "useLegacySql": False, **option}
    refused(bq.ask("POST", "queries", body), 501, "notImplemented", name)
    refused(as_job(bq, option), 501, "notImplemented", name)


@pytest.mark.parametrize("option", [
    {"tableDefinitions": {"x": {"sourceFormat": "CSV"}}},
    {"userDefinedFunctionResources": [{"inlineCode": "x"}]},
    {"writeDisposition": "WRITE_TRUNCATE_DATA"}])
def test_job_options_that_are_not_carried_out_are_refused_by_name(bq, option):
    refused(as_job(bq, option), 501, "notImplemented", next(iter(option)))


@pytest.mark.parametrize("load", [
    {"timeZone": "Asia/Tokyo"}, {"dateFormat": "MM/DD/YYYY"}, {"hivePartitioningOptions": {"mode": "AUTO"}},
    {"jsonExtension": "GEOJSON"}, {"columnNameCharacterMap": "V2"}, {"sourceColumnMatch": "NAME"}])
def test_load_options_that_are_not_carried_out_are_refused_by_name(bq, load):
    refused(bq.ask("POST", "jobs", {"configuration": {"load": {
        "destinationTable": {"datasetId": "d", "tableId": "l"}, "sourceUris": ["gs://b/x"], **load}}}),
        501, "notImplemented", next(iter(load)))


@pytest.mark.parametrize("option", ["priority", "writeDisposition", "createDisposition", "parameterMode"])
def test_a_word_that_is_none_of_an_options_is_refused(bq, option):
    refused(as_job(bq, {option: "NOPE"}), 400, "invalid", option, "NOPE is not a valid value")
    refused(as_job(bq, {"schemaUpdateOptions": ["ALLOW_FIELD_ADDITION", "NOPE"]}), 400, "invalid", "NOPE")
    refused(bq.ask("POST", "queries", {"query": "SELECT 1", "jobCreationMode": "NOPE"}), 400, "invalid", "NOPE")


def test_names_that_the_service_does_not_know_are_refused(bq):
    unknown = 'Invalid JSON payload received. Unknown name "bogus"'
    refused(as_job(bq, {"bogus": 1}), 400, "badRequest", unknown + " at 'job.configuration.query': Cannot find field.")
    refused(as_job(bq, {"timePartitioning": {"bogus": 1}}), 400, "badRequest",
            unknown + " at 'job.configuration.query.time_partitioning': Cannot find field.")
    refused(as_job(bq, {}, bogus=1), 400, "badRequest", unknown + " at 'job.configuration': Cannot find field.")
    refused(bq.ask("POST", "queries", {"query": "SELECT 1", "bogus": 1}), 400, "badRequest",
            unknown + ": Cannot find field.")
    refused(as_job(bq, {"defaultDataset": "d"}), 400, "badRequest", "job.configuration.query.default_dataset")
    refused(bq.ask("POST", "queries", {"query": "SELECT 1", "connectionProperties": [{"key": "x", "value": "y"}]}),
            400, "invalid", "Invalid connection property: x")
    assert bq.ask("GET", "jobs").body.count('"jobReference"') == 0


@pytest.mark.parametrize("column, word", [
    ("1 AS `a.b`", '"a.b"'), ("1 AS `price!`", '"price!"'), ("STRUCT(1 AS `a.b`)", '"a.b"'),
    ("STRUCT(1 AS a, 2 AS A)", "already exists"), ("[STRUCT(1 AS a, 2 AS a)] AS list", "already exists"),
    ("STRUCT() AS nothing", "nothing"), ("STRUCT(1 AS _TABLE_x) AS s", '"_TABLE_x"')])
def test_a_result_that_has_no_schema_is_refused_not_empty(bq, column, word):
    for more in {}, {"dryRun": True}:
        error = refused(bq.ask("POST", "queries", {"query": "SELECT " + column, "useLegacySql": False, **more}),
                        400, "invalidQuery", word)
        assert error["errors"][0]["location"] == "query"
    # what an inner query calls its columns is nobody's matter
    assert bq.query("SELECT x.`a.b` AS ok FROM (SELECT 1 AS `a.b`) x")["rows"] == [{"f": [{"v": "1"}]}]


def insert_all(bq, **body):
    return bq.ask("POST", "datasets/d/tables/streamed/insertAll", body)


def test_insert_all_knows_its_members_and_its_limit(bq):
    bq.query("CREATE OR REPLACE TABLE d.streamed (id STRING)")
    row = {"json": {"id": "a"}}
    unknown = 'Invalid JSON payload received. Unknown name "bogus"'
    refused(insert_all(bq, rows=[row], bogus=1), 400, "badRequest", unknown + ": Cannot find field.")
    refused(insert_all(bq, rows=[row, {**row, "bogus": 1}]), 400, "badRequest",
            unknown + " at 'rows[1]': Cannot find field.")
    refused(insert_all(bq, rows=[row], skipInvalidRows="yes"), 400, "badRequest", "'skip_invalid_rows' (TYPE_BOOL)")
    refused(insert_all(bq, rows=[row], ignoreUnknownValues=1), 400, "badRequest", "'ignore_unknown_values'")
    refused(insert_all(bq, rows=[row], templateSuffix=5), 400, "badRequest", "'template_suffix' (TYPE_STRING)")
    refused(insert_all(bq, rows=[row] * 50001), 400, "invalid", "Too many rows present in the request, limit: 50000")
    assert bq.query("SELECT COUNT(*) FROM d.streamed")["rows"] == [{"f": [{"v": "0"}]}]
    answer = insert_all(bq, rows=[row] * 50000, kind="bigquery#tableDataInsertAllRequest", traceId="t",
                        skipInvalidRows=None, ignoreUnknownValues="False", templateSuffix=None)
    assert (answer.status, "insertErrors" in answer.body) == (200, False), answer
    assert bq.query("SELECT COUNT(*) FROM d.streamed")["rows"] == [{"f": [{"v": "50000"}]}]


def test_a_job_has_one_kind(bq):
    wanted = "Job configuration must contain exactly one job-specific configuration object"
    refused(as_job(bq, {}, copy={"sourceTable": {"datasetId": "d", "tableId": "t"}}), 400, "invalid",
            wanted, "there were 2: query,copy")
    refused(bq.ask("POST", "jobs", {"configuration": {"dryRun": True}}), 400, "invalid", wanted, "there were 0")


def test_options_without_effect_here_are_taken(bq):
    harmless = {"priority": "BATCH", "allowLargeResults": True, "flattenResults": False, "preserveNulls": True,
                "maximumBillingTier": 1, "maximumBytesBilled": "100000000", "useQueryCache": False,
                "parameterMode": "named", "createSession": False, "continuous": False, "tableDefinitions": {},
                "userDefinedFunctionResources": [], "connectionProperties": [], "schemaUpdateOptions": [],
                "destinationEncryptionConfiguration": None, "scriptOptions": {"statementTimeoutMs": "1000"},
                "writeIncrementalResults": False, "types": {}, "wrapIntegers": False, "jobCreationMode": "x"}
    answer = as_job(bq, harmless, jobTimeoutMs="60000", labels={"a": "b"}, reservation="none", maxSlots=5,
                    jobType="QUERY", dryRun=False)
    assert answer.status == 200, answer.body
    assert bq.query("SELECT 1", requestId="r1", jobCreationMode="JOB_CREATION_OPTIONAL", maxResults=5, timeoutMs=60000,
                    jobTimeoutMs="60000", labels={"a": "b"}, location="US", kind="bigquery#queryRequest",
                    formatOptions={"useInt64Timestamp": True, "timestampOutputFormat": "INT64"},
                    reservation="none", maximumBytesBilled=None, preserveNulls=True)["jobComplete"]


def in_tokyo(bq, sql, **more):
    return bq.rows(sql, connectionProperties=[{"key": "time_zone", "value": "Asia/Tokyo"}], **more)


@pytest.mark.parametrize("sql, wanted", [
    ("UNIX_SECONDS(TIMESTAMP '2024-01-01 00:00:00')", "1704034800"),
    ("UNIX_SECONDS(TIMESTAMP '2024-01-01 00:00:00+00')", "1704067200"),
    ("UNIX_SECONDS(TIMESTAMP(s))", "1704034800"), ("UNIX_SECONDS(CAST(s AS TIMESTAMP))", "1704034800"),
    ("UNIX_SECONDS(SAFE_CAST(s AS TIMESTAMP))", "1704034800"),
    ("UNIX_SECONDS(TIMESTAMP(DATE '2024-01-01'))", "1704034800"),
    ("UNIX_SECONDS(CAST(DATETIME '2024-01-01 00:00:00' AS TIMESTAMP))", "1704034800"),
    ("UNIX_SECONDS(PARSE_TIMESTAMP('%F', '2024-01-01'))", "1704034800"),
    ("CAST(t AS STRING)", "2024-01-01 05:00:00+09"), ("STRING(t)", "2024-01-01 05:00:00+09"),
    ("FORMAT('%t', t)", "2024-01-01 05:00:00+09"), ("FORMAT('%T', [t])", '[TIMESTAMP "2024-01-01 05:00:00+09"]'),
    ("CONCAT('a', t)", "a2024-01-01 05:00:00+09"), ("FORMAT_TIMESTAMP('%F %H', t)", "2024-01-01 05"),
    ("DATE(t)", "2024-01-01"), ("CAST(t AS DATE)", "2024-01-01"), ("DATE(t, 'UTC')", "2023-12-31"),
    ("DATETIME(t)", "2024-01-01T05:00:00"), ("CAST(t AS TIME)", "05:00:00"), ("TIME(t)", "05:00:00"),
    ("EXTRACT(HOUR FROM t)", "5"), ("EXTRACT(DATE FROM t)", "2024-01-01"), ("EXTRACT(HOUR FROM t AT TIME ZONE 'UTC')", "20"),
    ("UNIX_SECONDS(TIMESTAMP_TRUNC(t, DAY))", "1704034800"), ("UNIX_SECONDS(DATE_TRUNC(t, MONTH))", "1704034800"),
    ("(SELECT STRING(x) FROM UNNEST(CAST([s] AS ARRAY<TIMESTAMP>)) AS x)", "2024-01-01 00:00:00+09"),
    ("CURRENT_DATE() = DATE(CURRENT_TIMESTAMP(), 'Asia/Tokyo')", "true"),
    ("CURRENT_DATETIME() = DATETIME(CURRENT_TIMESTAMP(), '+09:00')", "true")])
def test_a_time_zone_of_the_connection_is_the_statements_default(bq, sql, wanted):
    source = " FROM (SELECT TIMESTAMP '2023-12-31 20:00:00+00' AS t, '2024-01-01 00:00:00' AS s)"
    assert in_tokyo(bq, "SELECT " + sql + source) == [[wanted]]


def test_a_time_zone_holds_for_changes_and_for_no_statement_after(bq):
    bq.table("z", [{"name": "ts", "type": "TIMESTAMP"}, {"name": "day", "type": "DATE"}])
    in_tokyo(bq, "INSERT INTO z VALUES ('2024-01-01 00:00:00', DATE(TIMESTAMP '2023-12-31 20:00:00+00'))")
    bq.query("INSERT INTO z VALUES ('2024-01-01 00:00:00', DATE(TIMESTAMP '2023-12-31 20:00:00+00'))")
    assert bq.rows("SELECT UNIX_SECONDS(ts), day FROM z ORDER BY ts") == [["1704034800", "2024-01-01"],
                                                                         ["1704067200", "2023-12-31"]]
    assert in_tokyo(bq, "SELECT COUNT(*) FROM z WHERE ts < '2024-01-01 01:00:00'") == [["1"]]
    assert bq.rows("SELECT COUNT(*) FROM z WHERE ts < '2024-01-01 01:00:00'") == [["2"]]
    refused(bq.ask("POST", "queries", {"query": "SELECT 1", "connectionProperties": [
        {"key": "time_zone", "value": "Mars/Olympus"}]}), 400, "invalid", "Invalid time zone: Mars/Olympus")


def table_of(table, dataset="d"):
    return {"projectId": PROJECT, "datasetId": dataset, "tableId": table}


def test_destinations_are_named_as_tables_are(bq):
    bq.table()
    for config in ({"copy": {"sourceTable": table_of("t"), "destinationTable": table_of("a b!")}},
                   {"load": {"destinationTable": table_of("a b!"), "sourceUris": ["gs://b/x"]}},
                   {"query": {"query": "SELECT 1", "useLegacySql": False, "destinationTable": table_of("a b!")}}):
        refused(bq.ask("POST", "jobs", {"configuration": config}), 400, "invalid", 'Invalid table ID "a b!"')
    refused(bq.ask("POST", "datasets/d/tables", {"tableReference": {"tableId": "a;b"}, "schema": {"fields": LINE}}),
            400, "invalid", 'Invalid table ID "a;b"')
    for config in ({"copy": {"sourceTable": table_of("t")}}, {"load": {"sourceUris": ["gs://b/x"]}},
                   {"copy": {"destinationTable": table_of("c")}}, {"extract": {"destinationUris": ["gs://b/x"]}},
                   {"copy": {"sourceTable": table_of("t"), "destinationTable": {"datasetId": "d"}}}):
        refused(bq.ask("POST", "jobs", {"configuration": config}), 400, "required", "Required parameter is missing: ")
    assert bq.call("GET", "jobs").get("jobs", []) == []
    job = bq.call("POST", "jobs", {"configuration": {"copy": {
        "sourceTable": table_of("t"), "destinationTable": table_of("größe 2-x_Ω")}}})
    datos.wait_for(lambda: in_state(bq, job["jobReference"]["jobId"], "DONE"), 60)
    assert {t["tableReference"]["tableId"] for t in bq.call("GET", "datasets/d/tables")["tables"]} == {"t", "größe 2-x_Ω"}


def test_a_job_finds_datasets_only_where_it_runs(bq):
    bq.call("POST", "datasets", {"datasetReference": {"datasetId": "eu"}, "location": "EU"})
    bq.call("POST", "datasets/eu/tables", {"tableReference": {"tableId": "t"}, "schema": {"fields": LINE}})
    bq.table()
    told = f"Not found: Dataset {PROJECT}:eu was not found in location US"
    for sql in ("SELECT * FROM eu.t", "INSERT eu.t (id) VALUES ('a')", "CREATE TABLE eu.n (a INT64)", "DROP TABLE eu.t",
                "SELECT * FROM eu.INFORMATION_SCHEMA.TABLES"):
        refused(bq.ask("POST", "queries", {"query": sql, "useLegacySql": False, "location": "US"}), 404, "notFound", told)
    assert bq.rows("SELECT * FROM eu.t", location="eu") == bq.rows("SELECT * FROM eu.t") == []
    for kind, config in (("copy", {"sourceTable": table_of("t", "eu"), "destinationTable": table_of("c")}),
                         ("copy", {"sourceTable": table_of("t"), "destinationTable": table_of("c", "eu")}),
                         ("extract", {"sourceTable": table_of("t", "eu"), "destinationUris": ["gs://b/x"]}),
                         ("query", {"query": "SELECT 'a' AS id", "useLegacySql": False,
                                    "destinationTable": table_of("c", "eu")})):
        job = bq.call("POST", "jobs", {"configuration": {kind: config}, "jobReference": {"location": "US"}})
        path = f"jobs/{job['jobReference']['jobId']}?location=US"
        datos.wait_for(lambda: bq.call("GET", path)["status"]["state"] == "DONE", 60)
        assert bq.call("GET", path)["status"]["errorResult"]["message"].startswith(told), kind
    bq.query("CREATE SCHEMA made", location="EU")
    assert bq.call("GET", "datasets/made")["location"] == "EU"


def test_a_job_that_says_nothing_runs_where_its_data_are(bq):
    for name, location in ("eu", "EU"), ("far", "asia-east1"):
        bq.call("POST", "datasets", {"datasetReference": {"datasetId": name}, "location": location})
        bq.call("POST", f"datasets/{name}/tables", {"tableReference": {"tableId": "t"}, "schema": {"fields": LINE}})
    bq.table()

    def place(sql, **more):
        told = bq.query(sql, **{"defaultDataset": None, **more})
        if "jobReference" in told:
            assert told["location"] == told["jobReference"]["location"]
        return told["location"]

    assert place("SELECT 1") == place("SELECT * FROM d.t") == place("SELECT * FROM UNNEST([1]) AS far") == "US"
    for sql in ("SELECT * FROM far.t", f"SELECT * FROM `{PROJECT}.far.t`", f"SELECT * FROM {PROJECT}.far.t AS eu",
                "WITH w AS (SELECT (SELECT COUNT(*) FROM far.t) AS n) SELECT * FROM w", "SELECT * FROM `far.t*`",
                "SELECT 'd.t' FROM /* d.t */ far.t", "SELECT * FROM far.INFORMATION_SCHEMA.TABLES",
                "SELECT * FROM `region-asia-east1`.INFORMATION_SCHEMA.SCHEMATA",
                "INSERT INTO far.t (id) VALUES ('a')", "MERGE far.t USING (SELECT 1) ON FALSE WHEN MATCHED THEN DELETE",
                "CREATE OR REPLACE TABLE far.n AS SELECT 1 AS x", "ALTER SCHEMA far SET OPTIONS (description = 'x')"):
        assert place(sql) == "asia-east1", sql
    assert place("SELECT * FROM t", defaultDataset={"datasetId": "far"}) == "asia-east1"
    assert place("SELECT * FROM far.t", dryRun=True) == "asia-east1"
    assert place("SELECT * FROM `region-eu`.INFORMATION_SCHEMA.JOBS") == "EU"
    refused(bq.ask("POST", "queries", {"query": "SELECT * FROM far.t, d.t AS u", "useLegacySql": False}), 404, "notFound",
            f"Not found: Dataset {PROJECT}:d was not found in location asia-east1")
    for kind, config in (("copy", {"sourceTable": table_of("t", "eu"), "destinationTable": table_of("c", "eu")}),
                         ("extract", {"sourceTable": table_of("t", "eu"), "destinationUris": ["gs://b/x"]}),
                         ("query", {"query": "SELECT 'a' AS id", "useLegacySql": False,
                                    "destinationTable": table_of("q", "eu")})):
        job = bq.call("POST", "jobs", {"configuration": {kind: config}})
        assert job["jobReference"]["location"] == "EU" and ":EU." in job["id"], kind
        path = f"jobs/{job['jobReference']['jobId']}"
        datos.wait_for(lambda: bq.call("GET", path + "?location=EU")["status"]["state"] == "DONE", 60)
        assert bq.ask("GET", path + "?location=US").status == 404


NESTED = [{"name": "id", "type": "STRING"},
          {"name": "addr", "type": "RECORD", "fields": [
              {"name": "city", "type": "STRING"}, {"name": "zip", "type": "INT64"},
              {"name": "geo", "type": "RECORD", "fields": [{"name": "x", "type": "FLOAT64"}, {"name": "y", "type": "FLOAT64"}]}]},
          {"name": "tags", "type": "RECORD", "mode": "REPEATED", "fields": [
              {"name": "k", "type": "STRING"}, {"name": "v", "type": "STRING"}]}]


def test_selected_fields_may_be_fields_of_records(bq):
    bq.call("POST", "datasets/d/tables", {"tableReference": {"tableId": "t"}, "schema": {"fields": NESTED}})
    bq.query("INSERT t VALUES ('a', STRUCT('Lima', 15, STRUCT(1.5, 2.5)), [STRUCT('k1', 'v1'), STRUCT('k2', 'v2')]),"
             " ('b', NULL, [])")

    def values(fields):
        def plain(v):
            if isinstance(v, dict):
                return [plain(x["v"]) for x in v["f"]]
            return [plain(x["v"]) for x in v] if isinstance(v, list) else v
        listed = bq.call("GET", f"datasets/d/tables/t/data?selectedFields={fields}")
        return [plain(row) for row in listed["rows"]]

    def names(fields):
        return [f["name"] + (f"({','.join(names(f['fields']))})" if "fields" in f else "") for f in fields]

    assert values("id,addr.city") == [["a", ["Lima"]], ["b", None]]
    assert values("addr.geo.y,tags.v,addr.zip") == [[["15", ["2.5"]], [["v1"], ["v2"]]], [None, []]]
    assert values("addr,addr.city,ADDR.GEO.X")[0] == [["Lima", "15", ["1.5", "2.5"]]]
    refused(bq.ask("GET", "datasets/d/tables/t/data?selectedFields=addr.nope"), 400, "invalid", "Field addr.nope not found")
    refused(bq.ask("GET", "datasets/d/tables/t/data?selectedFields=id.x"), 400, "invalid", "Field id.x not found")
    schema = bq.call("GET", "datasets/d/tables/t?selectedFields=addr.geo.y,tags.v,addr.zip")["schema"]["fields"]
    assert names(schema) == ["addr(zip,geo(y))", "tags(v)"]
    assert names(bq.call("GET", "datasets/d/tables/t?selectedFields=addr,id")["schema"]["fields"]) == [
        "id", "addr(city,zip,geo(x,y))"]


def test_jobs_that_wait_or_run_are_listed(bq):
    def listed(query=""):
        return [j["jobReference"]["jobId"] for j in bq.call("GET", "jobs" + query).get("jobs", [])]

    start(bq, "SELECT 1", "over")
    datos.wait_for(lambda: in_state(bq, "over", "DONE"), 60)
    for id in ("one", "two"):
        start(bq, LONG, id)
        datos.wait_for(lambda: in_state(bq, id, "RUNNING"), 120)
    assert listed() == ["two", "one", "over"]
    assert listed("?stateFilter=running") == ["two", "one"] and listed("?stateFilter=pending") == []
    assert listed("?stateFilter=done") == ["over"]
    assert listed("?stateFilter=done&stateFilter=running") == listed("?stateFilter=running,done") == listed()
    assert listed("?parentJobId=one") == []
    pages, token = [], ""
    while token is not None:
        page = bq.call("GET", "jobs?maxResults=1" + (f"&pageToken={token}" if token else ""))
        pages += [j["jobReference"]["jobId"] for j in page["jobs"]]
        token = page.get("nextPageToken")
    assert pages == listed()
    made = int(shown(bq, "over")["statistics"]["creationTime"])
    assert listed(f"?maxCreationTime={made}") == ["over"] or made == int(shown(bq, "one")["statistics"]["creationTime"])
    assert listed(f"?minCreationTime={made + 10 ** 9}") == []
    cancel(bq, ["one", "two"])
    assert listed("?stateFilter=running") == [] and listed() == ["two", "one", "over"]


def test_lists_of_jobs_are_cut_by_state_and_parent(bq):
    bq.query("SELECT 1")
    assert len(bq.call("GET", "jobs?stateFilter=done")["jobs"]) == 1
    assert "jobs" not in bq.call("GET", "jobs?stateFilter=pending")
    assert "jobs" not in bq.call("GET", "jobs?parentJobId=any")
    refused(bq.ask("GET", "jobs?stateFilter=xx"), 400, "invalid", "xx is not a valid value")


@pytest.mark.parametrize("sql", ["SELECT COUNT(*) FROM [p:d.t]", "SELECT 'a' CONTAINS 'a'", "#legacySQL\nSELECT 1"])
def test_legacy_sql_is_refused_plainly(bq, sql):
    for flag in ({}, {"useLegacySql": True}):
        refused(bq.ask("POST", "queries", {"query": sql, **flag}), 501, "notImplemented", "set useLegacySql to false")


def test_a_request_that_comes_twice_has_the_same_answer(bq):
    body = {"query": "SELECT x, TIMESTAMP '2024-01-01 00:00:00+00' AS ts FROM UNNEST([1, 2, 3]) AS x",
            "useLegacySql": False, "requestId": "once", "formatOptions": {"useInt64Timestamp": True}, "maxResults": 2}
    first, second = bq.call("POST", "queries", body), bq.call("POST", "queries", body)
    assert first["rows"] == second["rows"] and len(first["rows"]) == 2
    assert first == {**second, "statementType": "SELECT", "kind": "bigquery#queryResponse"}
    assert second["kind"] == "bigquery#queryResponse" and second["location"] == "US"
    assert len(bq.call("GET", "jobs")["jobs"]) == 1


# --- resources ------------------------------------------------------------------

def test_members_that_no_resource_has_are_refused(bq):
    unknown = 'Invalid JSON payload received. Unknown name "bogus"'
    bq.table()
    column = {"name": "a", "type": "STRING"}
    for method, path, body, at in (
            ("POST", "datasets", {"datasetReference": {"datasetId": "x"}, "bogus": 1}, ""),
            ("PATCH", "datasets/d", {"bogus": 1}, ""),
            ("PUT", "datasets/d", {"datasetReference": {"datasetId": "d", "bogus": 1}}, " at 'dataset.dataset_reference'"),
            ("POST", "datasets/d/tables", {"tableReference": {"tableId": "x"}, "bogus": 1}, ""),
            ("POST", "datasets/d/tables", {"tableReference": {"tableId": "x"},
                                           "schema": {"fields": [{**column, "bogus": 1}]}}, " at 'table.schema.fields'"),
            ("PATCH", "datasets/d/tables/t", {"timePartitioning": {"bogus": 1}}, " at 'table.time_partitioning'"),
            ("PUT", "datasets/d/tables/t", {"bogus": None}, "")):
        refused(bq.ask(method, path, body), 400, "badRequest", unknown + at + ": Cannot find field.")
    assert bq.ask("GET", "datasets/x").status == 404 and bq.ask("GET", "datasets/d/tables/x").status == 404
    refused(bq.ask("GET", "datasets/d/tables/t?view=XX"), 400, "badRequest", "Invalid value at 'view'", '"XX"')
    assert "numRows" in bq.call("GET", "datasets/d/tables/t?view=STORAGE_STATS")
    refused(bq.ask("POST", "datasets/d/tables", {"tableReference": {"tableId": "x"}, "schema": {"fields": [
        {**column, "collation": "und:ci"}]}}), 501, "notImplemented", "collation")
    for path in ("datasets/d", "datasets/d/tables/t"):  # what was read may be written back
        assert bq.call("PUT", path, bq.call("GET", path))["id"]


def test_policy_tags_of_columns_are_kept(bq):
    tags = {"names": ["projects/p/locations/us/taxonomies/1/policyTags/2"]}

    def fields(more):
        return [{"name": "id", "type": "STRING", "mode": "REQUIRED", **more},
                {"name": "r", "type": "RECORD", "mode": "NULLABLE", "fields": [
                    {"name": "x", "type": "INTEGER", "mode": "NULLABLE", **more}]}]

    bq.call("POST", "datasets/d/tables", {"tableReference": {"tableId": "t"}, "schema": {"fields": fields({"policyTags": tags})}})
    assert bq.call("GET", "datasets/d/tables/t")["schema"]["fields"] == fields({"policyTags": tags})
    bq.query("ALTER TABLE t ADD COLUMN n INT64")
    kept = bq.call("GET", "datasets/d/tables/t")["schema"]["fields"]
    assert kept[:2] == fields({"policyTags": tags})
    bq.call("PATCH", "datasets/d/tables/t", {"schema": {"fields": fields({"policyTags": {"names": []}}) + kept[2:]}})
    assert bq.call("GET", "datasets/d/tables/t")["schema"]["fields"][:2] == fields({})


def upload(bq, data, **load):
    """A load job of these bytes, done."""
    config = json.dumps({"configuration": {"load": load}})
    body = (f"--x\r\nContent-Type: application/json\r\n\r\n{config}\r\n--x\r\n"
            "Content-Type: application/octet-stream\r\n\r\n").encode() + data + b"\r\n--x--\r\n"
    answer = datos.request(
        "POST", f"http://{bq.emulator.bigquery}/upload/bigquery/v2/projects/{PROJECT}/jobs?uploadType=multipart",
        body, {"Content-Type": "multipart/related; boundary=x"}, seconds=120)
    assert answer.status == 200, answer.body
    id = json.loads(answer.body)["jobReference"]["jobId"]
    datos.wait_for(lambda: in_state(bq, id, "DONE"), 120)
    return shown(bq, id)["status"].get("errorResult")


def test_loads_widen_and_relax_the_schema_they_append_to(bq):
    def columns():
        return [(f["name"], f["type"], f["mode"]) for f in bq.call("GET", "datasets/d/tables/t")["schema"]["fields"]]

    bq.table()
    wider = {"fields": [LINE[0], {"name": "n", "type": "INT64"}, {"name": "b", "type": "BOOL"}]}
    load = {"sourceFormat": "NEWLINE_DELIMITED_JSON", "schema": wider, "destinationTable": table_of("t")}
    assert upload(bq, b'{"id":"a","b":true}\n', schemaUpdateOptions=["ALLOW_FIELD_ADDITION"], **load) is None
    assert columns() == [("id", "STRING", "REQUIRED"), ("n", "INTEGER", "NULLABLE"), ("b", "BOOLEAN", "NULLABLE")]
    wider["fields"][0] = {"name": "id", "type": "STRING"}
    told = "Field id has changed mode from REQUIRED to NULLABLE"
    assert told in upload(bq, b'{"id":"x"}\n', **load)["message"]
    assert told in as_job(bq, {"query": "SELECT 'x' AS id, 1 AS n", "writeDisposition": "WRITE_APPEND",
                               "destinationTable": table_of("t")}).body
    assert upload(bq, b'{"n":5}\n', schemaUpdateOptions=["ALLOW_FIELD_RELAXATION"], **load) is None
    assert columns()[0] == ("id", "STRING", "NULLABLE")
    assert bq.rows("SELECT id, n, b FROM t ORDER BY n") == [["a", None, "true"], [None, "5", None]]


def test_records_are_widened_relaxed_and_matched_by_the_names_of_their_fields(bq):
    def field(name, type="STRING", mode="NULLABLE", *fields):
        return {"name": name, "type": type, "mode": mode, **({"fields": list(fields)} if fields else {})}

    def nested():
        fields = bq.call("GET", "datasets/d/tables/t")["schema"]["fields"]
        return [(f["name"], f["mode"], [g["name"] for g in f.get("fields", [])]) for f in fields[0]["fields"]]

    bq.table(schema=[field("r", "RECORD", "NULLABLE", field("a", "STRING", "REQUIRED"), field("b"),
                           field("list", "RECORD", "REPEATED", field("x")))])
    load = {"sourceFormat": "NEWLINE_DELIMITED_JSON", "destinationTable": table_of("t")}
    first = {"fields": [field("r", "RECORD", "NULLABLE", field("b"), field("a", "STRING", "REQUIRED"))]}
    assert upload(bq, b'{"r":{"a":"A","b":"B"}}\n', schema=first, **load) is None
    assert bq.rows("SELECT r.a, r.b FROM t") == [["A", "B"]]

    wider = {"fields": [field("r", "RECORD", "NULLABLE", field("b"), field("a"),
                              field("list", "RECORD", "REPEATED", field("y", "INT64"), field("x")), field("c"))]}
    row = b'{"r":{"b":"B2","list":[{"x":"X","y":7}],"c":"C2"}}\n'
    assert "Cannot add fields (field: r.list.y)" in upload(
        bq, row, schema={"fields": [field("r", "RECORD", "NULLABLE", field("a", "STRING", "REQUIRED"),
                                          wider["fields"][0]["fields"][2])]}, **load)["message"]
    assert "Field r.a has changed mode from REQUIRED to NULLABLE" in upload(
        bq, row, schema=wider, schemaUpdateOptions=["ALLOW_FIELD_ADDITION"], **load)["message"]
    assert "Cannot add fields (field: r.list.y)" in upload(
        bq, row, schema=wider, schemaUpdateOptions=["ALLOW_FIELD_RELAXATION"], **load)["message"]
    assert nested() == [("a", "REQUIRED", []), ("b", "NULLABLE", []), ("list", "REPEATED", ["x"])]
    assert upload(bq, row, schema=wider, schemaUpdateOptions=["ALLOW_FIELD_ADDITION", "ALLOW_FIELD_RELAXATION"],
                  **load) is None
    assert nested() == [("a", "NULLABLE", []), ("b", "NULLABLE", []), ("list", "REPEATED", ["x", "y"]),
                        ("c", "NULLABLE", [])]
    assert bq.rows("SELECT TO_JSON_STRING(r) FROM t ORDER BY r.b") == [
        ['{"a":"A","b":"B","list":[],"c":null}'], ['{"a":null,"b":"B2","list":[{"x":"X","y":7}],"c":"C2"}']]

    into = {"writeDisposition": "WRITE_APPEND", "destinationTable": table_of("t")}
    assert as_job(bq, {"query": "SELECT STRUCT('C3' AS c, 'B3' AS b) AS r", **into}).status == 200
    assert bq.rows("SELECT TO_JSON_STRING(r) FROM t WHERE r.b = 'B3'") == [['{"a":null,"b":"B3","list":[],"c":"C3"}']]
    assert "Field r.b has changed type from STRING to INTEGER" in as_job(
        bq, {"query": "SELECT STRUCT(1 AS b) AS r", **into}).body
    assert "Field r.list has changed mode from REPEATED to NULLABLE" in as_job(
        bq, {"query": "SELECT STRUCT(STRUCT('x' AS x) AS list) AS r", **into}).body
    assert as_job(bq, {"query": "SELECT STRUCT('D' AS d) AS r", "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
                       **into}).status == 200
    assert bq.rows("SELECT r.d FROM t WHERE r.d IS NOT NULL") == [["D"]]
    # so does a patch that only changes their order
    schema = bq.call("GET", "datasets/d/tables/t")["schema"]
    schema["fields"][0]["fields"].reverse()
    bq.call("PATCH", "datasets/d/tables/t", {"schema": schema})
    assert bq.rows("SELECT r.a, r.b, r.c FROM t WHERE r.b = 'B3'") == [[None, "B3", "C3"]]


def test_csv_in_latin_1_is_loaded(bq):
    bq.table(schema=[{"name": "id", "type": "STRING"}, {"name": "n", "type": "INT64"}])
    load = {"sourceFormat": "CSV", "destinationTable": table_of("t"), "encoding": "ISO-8859-1"}
    assert upload(bq, "café,1\nÿ\x80ñ,2\n".encode("latin-1"), **load) is None
    assert bq.rows("SELECT id FROM t ORDER BY n") == [["café"], ["ÿ\x80ñ"]]
    assert "UTF-16LE" in upload(bq, b"x", **{**load, "encoding": "UTF-16LE"})["message"]
    assert upload(bq, b"{}", **{**load, "sourceFormat": "NEWLINE_DELIMITED_JSON"})["reason"] == "invalid"


# --- views --------------------------------------------------------------------

def test_a_view_keeps_the_names_of_its_column_list(bq):
    bq.table()
    bq.query("CREATE VIEW v (a, b OPTIONS(description = 'the number')) AS SELECT id, n FROM t")
    bq.insert({"id": "x", "n": 3})
    assert bq.rows("SELECT b, a FROM v") == [["3", "x"]]
    bq.call("PATCH", "datasets/d/tables/v", {"description": "said later"})
    view = bq.call("GET", "datasets/d/tables/v")
    assert [(f["name"], f.get("description")) for f in view["schema"]["fields"]] == [("a", None), ("b", "the number")]
    assert view["view"]["query"] == "SELECT id, n FROM t"
    assert bq.rows("SELECT b FROM v WHERE a = 'x'") == [["3"]]
    bq.call("PATCH", "datasets/d/tables/v", {"view": {"query": "SELECT n FROM d.t", "useLegacySql": False}})
    assert bq.rows("SELECT n FROM v") == [["3"]]


# --- options of DDL -----------------------------------------------------------

def test_the_options_of_ddl_are_those_of_the_resource(bq):
    bq.query("CREATE TABLE o (a INT64) OPTIONS (expiration_timestamp = TIMESTAMP '2127-01-01 00:00:00+00')")
    assert bq.call("GET", "datasets/d/tables/o")["expirationTime"] == "4954435200000"
    bq.query("ALTER TABLE o SET OPTIONS (expiration_timestamp = NULL, description = 'x')")
    table = bq.call("GET", "datasets/d/tables/o")
    assert "expirationTime" not in table and table["description"] == "x"
    for option in ("nope = 1", "partition_expiration_days = 2", "description = 1"):
        assert bq.ask("POST", "queries", {"query": f"ALTER TABLE d.o SET OPTIONS ({option})",
                                          "useLegacySql": False}).status == 400
    assert bq.rows("SELECT FORMAT('%t', b'a\\xff')") == [["a\\xff"]]


def test_bytes_leave_as_csv_as_they_come(tmp_path):
    bq = BigQuery("--state", str(tmp_path))
    bq.query("CREATE TABLE b AS SELECT b'a\\xff' AS x")
    bq.call("POST", "jobs", {"configuration": {"extract": {
        "sourceTable": {"projectId": PROJECT, "datasetId": "d", "tableId": "b"},
        "destinationUris": ["gs://bucket/b.csv"]}}})
    assert (tmp_path / "files" / "bucket" / "b.csv").read_text() == "x\nYf8=\n"
    assert bq.emulator.stop() == 0, bq.emulator.log()


def done(bq, config):
    """The job's resource, once it is over."""
    ref = bq.call("POST", "jobs", {"configuration": config})["jobReference"]

    def over():
        job = bq.call("GET", "jobs/" + ref["jobId"])
        return job if job["status"]["state"] == "DONE" else None
    return datos.wait_for(over)


def test_one_partition_is_copied_and_extracted(tmp_path):
    bq = BigQuery("--state", str(tmp_path))
    bq.query("CREATE TABLE p (d DATE, n INT64) PARTITION BY d AS SELECT DATE '2024-01-01' AS d, 1 AS n"
             " UNION ALL SELECT DATE '2024-01-02', 2 UNION ALL SELECT DATE '2024-01-02', 3")
    job = done(bq, {"copy": {"sourceTable": table_of("p$20240102"), "destinationTable": table_of("c")}})
    assert "errorResult" not in job["status"], job
    assert bq.rows("SELECT n FROM c ORDER BY n") == [["2"], ["3"]]
    job = done(bq, {"extract": {"sourceTable": table_of("p$20240102"), "compression": "GZIP",
                                "destinationUris": ["gs://bucket/p.csv.gz", "gs://bucket/q.csv.gz"]}})
    assert "errorResult" not in job["status"], job
    assert job["statistics"]["extract"]["destinationUriFileCounts"] == ["1", "1"]
    for name in ("p", "q"):  # gzip though so little does not get smaller
        packed = (tmp_path / "files" / "bucket" / f"{name}.csv.gz").read_bytes()
        assert gzip.decompress(packed) == b"d,n\n2024-01-02,2\n2024-01-02,3\n"
    assert sorted(os.listdir(tmp_path / "files" / "bucket")) == ["p.csv.gz", "q.csv.gz"]
    for source, told in (("p$2024", "Invalid partition decorator"), ("nope$20240101", "Not found: Table")):
        job = done(bq, {"extract": {"sourceTable": table_of(source), "destinationUris": ["gs://bucket/x"]}})
        assert told in job["status"]["errorResult"]["message"], job
    bq.query("CREATE TABLE other AS SELECT 1 AS n")
    job = done(bq, {"copy": {"sourceTables": [table_of("p"), table_of("other")], "destinationTable": table_of("both")}})
    assert "d.other is not like d.p" in job["status"]["errorResult"]["message"], job
    job = done(bq, {"copy": {"sourceTables": [table_of("p"), table_of("c")], "destinationTable": table_of("both")}})
    assert "errorResult" not in job["status"] and bq.rows("SELECT COUNT(*) FROM both") == [["5"]], job
    job = done(bq, {"extract": {"sourceTable": table_of("p"), "fieldDelimiter": "||", "destinationUris": ["gs://bucket/x"]}})
    assert "Invalid field delimiter" in job["status"]["errorResult"]["message"], job
    bq.query("CREATE VIEW v AS SELECT 1 AS x")
    job = done(bq, {"extract": {"sourceTable": table_of("v"), "destinationUris": ["gs://bucket/x"]}})
    assert "is not allowed for this operation because of its type" in job["status"]["errorResult"]["message"]
    assert bq.emulator.stop() == 0, bq.emulator.log()


# --- the clock ----------------------------------------------------------------

def now_ms(bq):
    return int(bq.rows("SELECT UNIX_MILLIS(CURRENT_TIMESTAMP())")[0][0])


def test_a_table_ends_at_its_time(bq):
    bq.table("short", expirationTime=str(now_ms(bq) + 3_600_000))
    bq.table("long")
    bq.insert({"id": "a"}, table="short")
    bq.emulator.advance(3590)
    assert bq.rows("SELECT id FROM short") == [["a"]]
    bq.emulator.advance(20)
    assert bq.ask("GET", "datasets/d/tables/short").status == 404
    assert [t["tableReference"]["tableId"] for t in bq.call("GET", "datasets/d/tables")["tables"]] == ["long"]
    bq.table("short")  # the name is free, the rows are gone
    assert bq.rows("SELECT id FROM short") == []


def test_tables_take_the_end_that_their_dataset_gives(bq):
    bq.call("PATCH", "datasets/d", {"defaultTableExpirationMs": "7200000"})
    made = bq.table("made")
    assert int(made["expirationTime"]) == int(made["creationTime"]) + 7_200_000
    bq.query("CREATE TABLE by_sql (id STRING)")
    bq.table("own", expirationTime=str(now_ms(bq) + 86_400_000))
    bq.emulator.advance(7300)
    assert [t["tableReference"]["tableId"] for t in bq.call("GET", "datasets/d/tables")["tables"]] == ["own"]
    bq.call("PATCH", "datasets/d", {"defaultPartitionExpirationMs": "3600000"})
    made = bq.table("parts", [{"name": "day", "type": "DATE"}], timePartitioning={"type": "DAY", "field": "day"})
    assert made["timePartitioning"]["expirationMs"] == "3600000" and "expirationTime" not in made


@pytest.mark.parametrize("kind, value", [("TIMESTAMP", "TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL n DAY)"),
                                         ("DATE", "DATE_SUB(CURRENT_DATE(), INTERVAL n DAY)"),
                                         ("DATETIME", "DATETIME_SUB(CURRENT_DATETIME(), INTERVAL n DAY)")])
def test_partitions_end_their_time_after_their_day(bq, kind, value):
    bq.emulator.control("PUT", "clock", {"now": "2026-06-10T12:00:00Z", "frozen": True})
    bq.table("p", [{"name": "n", "type": "INT64"}, {"name": "at", "type": kind}],
             timePartitioning={"type": "DAY", "field": "at", "expirationMs": str(2 * 86_400_000)})
    bq.query(f"INSERT p SELECT n, {value} FROM UNNEST([0, 1, 2]) AS n UNION ALL SELECT 9, NULL")
    # the partition of the 8th ends at midnight, and two days later it goes
    bq.emulator.control("PUT", "clock", {"now": "2026-06-10T23:59:50Z", "frozen": True})
    assert bq.rows("SELECT n FROM p ORDER BY n") == [["0"], ["1"], ["2"], ["9"]]
    bq.emulator.control("PUT", "clock", {"now": "2026-06-11T00:00:10Z", "frozen": True})
    assert bq.rows("SELECT n FROM p ORDER BY n") == [["0"], ["1"], ["9"]]
    assert bq.call("GET", "datasets/d/tables/p")["numRows"] == "3"
    bq.emulator.control("PUT", "clock", {"now": "2026-06-14T00:00:10Z", "frozen": True})
    assert bq.rows("SELECT n FROM p ORDER BY n") == [["9"]]


# --- faults -------------------------------------------------------------------

INSERT = "tabledata.insertAll"


def test_a_fault_refuses_every_second_row(bq):
    bq.table()
    bq.faults({"method": INSERT, "http_status": 200, "count": 2, "message": "not today"})
    four = [{"id": i} for i in "abcd"]
    assert [(e["index"], e["errors"][0]["reason"], e["errors"][0]["message"]) for e in bq.insert(*four)] == [
        (0, "invalid", "not today"), (1, "stopped", ""), (2, "invalid", "not today"), (3, "stopped", "")]
    assert bq.rows("SELECT id FROM t") == []
    assert [e["index"] for e in bq.insert(*four, skipInvalidRows=True)] == [0, 2]
    assert bq.rows("SELECT id FROM t ORDER BY id") == [["b"], ["d"]]
    assert bq.insert({"id": "a"}) == []  # its count is used up


@pytest.mark.parametrize("rule", [{"method": "jobs.query", "http_status": 200}, {"http_status": 200},
                                  {"method": INSERT, "http_status": 201}])
def test_a_fault_that_is_an_answer_is_for_rows_only(bq, rule):
    answer = bq.emulator.control("PUT", "faults", {"rules": [{"service": "bigquery", **rule}]})
    assert answer.status == 400 and "http_status" in answer.body


@pytest.mark.parametrize("status, reason", [(429, "rateLimitExceeded"), (503, "backendError"), (500, "internalError"),
                                            (403, "accessDenied")])
def test_a_fault_has_the_status_and_a_fitting_reason(bq, status, reason):
    bq.table()
    bq.faults({"method": INSERT, "http_status": status, "count": 1})
    answer = bq.ask("POST", "datasets/d/tables/t/insertAll", {"rows": [{"json": {"id": "a"}}]})
    assert answer.status == status and json.loads(answer.body)["error"]["errors"][0]["reason"] == reason
    assert bq.insert({"id": "a"}) == []


def test_a_lost_answer_has_done_its_work_and_a_repeat_is_told_apart(bq):
    bq.table()
    bq.faults({"method": INSERT, "action": "reset", "count": 1})
    rows = {"rows": [{"insertId": "1", "json": {"id": "a"}}]}
    with pytest.raises(OSError):
        bq.ask("POST", "datasets/d/tables/t/insertAll", rows)
    assert bq.rows("SELECT id FROM t") == [["a"]]
    assert "insertErrors" not in bq.call("POST", "datasets/d/tables/t/insertAll", rows)
    assert bq.rows("SELECT id FROM t") == [["a"]]


def test_rows_that_come_twice_and_calls_that_come_late(bq):
    bq.table()
    bq.faults({"method": INSERT, "action": "duplicate", "count": 1})
    bq.insert({"id": "a"})
    assert bq.rows("SELECT COUNT(*) FROM t") == [["2"]]
    bq.faults({"method": "jobs.query", "match": "projects/other*", "http_status": 503},
              {"method": "jobs.query", "latency_ms": 300, "count": 1})
    began = datos.time.monotonic()
    bq.query("SELECT 1")
    assert datos.time.monotonic() - began >= 0.3
    requests = json.loads(bq.emulator.control("GET", "requests").body)["requests"]
    assert "delay" in [r.get("fault") for r in requests if r["method"] == "jobs.query"]


# --- deleted datasets ---------------------------------------------------------

def at(bq, time):
    assert bq.emulator.control("PUT", "clock", {"now": time, "frozen": True}).status == 200


def undelete(bq, name, **body):
    return bq.ask("POST", f"datasets/{name}:undelete", body)


def dataset(bq, name, **more):
    return bq.call("POST", "datasets", {"datasetReference": {"datasetId": name}, **more})


def test_a_deleted_dataset_comes_back_whole(bq):
    job = fill(bq)
    before, about = picture(bq, job), bq.call("GET", "datasets/d")
    bq.call("DELETE", "datasets/d?deleteContents=true")
    assert [d["datasetReference"]["datasetId"] for d in bq.call("GET", "datasets")["datasets"]] == ["latam_dataset"]
    assert bq.ask("GET", "datasets/d").status == bq.ask("GET", "datasets/d/tables/t").status == 404
    refused(undelete(bq, "d", deletionTime="yesterday"), 400, "invalid", "deletionTime")
    refused(undelete(bq, "d", when="now"), 400, "badRequest", '"when"')
    answer = undelete(bq, "d")
    assert answer.status == 200 and json.loads(answer.body) == about
    assert picture(bq, job) == before and bq.insert({"id": "c"}) == []
    refused(undelete(bq, "d"), 409, "duplicate", "Already Exists")
    refused(undelete(bq, "other"), 404, "notFound", "Dataset", ":other")
    bq.query("DROP SCHEMA d CASCADE")
    assert undelete(bq, "d").status == 200 and len(bq.rows("SELECT id FROM t")) == 3


def test_a_dataset_is_not_undeleted_over_another_and_the_newest_comes_first(bq):
    at(bq, "2026-06-10T12:00:00Z")
    bq.query("CREATE TABLE t AS SELECT 1 AS n")
    bq.call("DELETE", "datasets/d?deleteContents=true")
    at(bq, "2026-06-10T13:00:00Z")
    dataset(bq, "d")
    bq.query("CREATE TABLE t AS SELECT 2 AS n")
    refused(undelete(bq, "d"), 409, "duplicate", "Already Exists")
    bq.call("DELETE", "datasets/d?deleteContents=true")
    assert undelete(bq, "d").status == 200 and bq.rows("SELECT n FROM t") == [["2"]]
    bq.call("DELETE", "datasets/d?deleteContents=true")
    assert undelete(bq, "d", deletionTime="2026-06-10T12:30:00Z").status == 404
    assert undelete(bq, "d", deletionTime="2026-06-10T12:00:00Z").status == 200
    assert bq.rows("SELECT n FROM t") == [["1"]]


@pytest.mark.parametrize("hours, last, late", [(None, "2026-06-17T11:59:00Z", "2026-06-24T11:59:00Z"),
                                               (48, "2026-06-12T11:59:00Z", "2026-06-14T11:59:00Z")])
def test_a_deleted_dataset_is_gone_after_its_window_of_time_travel(bq, hours, last, late):
    at(bq, "2026-06-10T12:00:00Z")
    dataset(bq, "e", **({"maxTimeTravelHours": str(hours)} if hours else {}))
    for moment, status in [(last, 200), (late, 404)]:
        bq.call("DELETE", "datasets/e")
        at(bq, moment)
        bq.call("GET", "datasets")
        assert undelete(bq, "e").status == status


def test_only_the_newest_deleted_datasets_are_kept(bq):
    for n in range(21):
        dataset(bq, f"x{n}")
        bq.call("DELETE", f"datasets/x{n}")
    assert undelete(bq, "x0").status == 404 and undelete(bq, "x1").status == 200 and undelete(bq, "x20").status == 200


def test_a_deleted_dataset_outlives_the_process_and_no_reset(kept):
    fill(kept)
    kept.call("DELETE", "datasets/d?deleteContents=true")
    kept.emulator.kill()
    kept.emulator.start()
    assert undelete(kept, "d").status == 200 and len(kept.rows("SELECT id FROM v")) == 2
    kept.call("DELETE", "datasets/d?deleteContents=true")
    assert kept.emulator.control("POST", "reset?service=bigquery").status == 200
    assert undelete(kept, "d").status == 404


# --- states ---------------------------------------------------------------------

@pytest.fixture
def kept(tmp_path):
    made = BigQuery("--state", str(tmp_path / "state"))
    yield made
    assert made.emulator.stop() == 0, made.emulator.log()


def fill(bq):
    bq.table(timePartitioning={"type": "DAY"}, clustering={"fields": ["id"]}, labels={"k": "v"})
    assert bq.insert({"id": "a", "n": 1}) == []
    bq.query("INSERT t(id, n) VALUES ('b', 2)")
    bq.query("CREATE VIEW v AS SELECT id FROM t")
    return bq.query("SELECT id, n FROM t ORDER BY id")["jobReference"]["jobId"]


def picture(bq, job):
    table = bq.call("GET", "datasets/d/tables/t")
    return ({k: table.get(k) for k in ("creationTime", "labels", "clustering", "timePartitioning", "schema", "numRows")},
            bq.rows("SELECT id, n FROM t ORDER BY id"), bq.rows("SELECT * FROM v ORDER BY id"),
            bq.call("GET", f"queries/{job}")["rows"])


def test_a_saved_state_comes_back_whole(kept):
    job = fill(kept)
    before = picture(kept, job)
    assert kept.emulator.control("POST", "save", {"path": "one.arc"}).status == 200
    kept.query("DROP TABLE t")
    kept.table("later")
    assert kept.emulator.control("POST", "load", {"path": "one.arc"}).status == 200
    assert picture(kept, job) == before
    assert kept.ask("GET", "datasets/d/tables/later").status == 404
    assert kept.insert({"id": "c"}) == [] and len(kept.rows("SELECT id FROM t")) == 3


def test_a_state_is_there_again_after_a_kill(kept):
    job = fill(kept)
    before = picture(kept, job)
    kept.emulator.kill()
    kept.emulator.start()
    assert picture(kept, job) == before
    rows = {"rows": [{"insertId": "once", "json": {"id": "z"}}]}
    kept.call("POST", "datasets/d/tables/t/insertAll", rows)
    kept.emulator.kill()
    kept.emulator.start()
    kept.call("POST", "datasets/d/tables/t/insertAll", rows)  # its minute is not over
    assert kept.rows("SELECT COUNT(*) FROM t WHERE id = 'z'") == [["1"]]


def spoil(path, since):
    with open(path, "r+b") as f:
        size = f.seek(0, os.SEEK_END)
        f.seek(since(size))
        f.write(b"\xa5" * (size - f.tell()))


def test_damaged_pages_are_told_once_with_what_to_do(kept, tmp_path):
    kept.query("CREATE TABLE t AS SELECT n, REPEAT('x', 1000) AS x FROM UNNEST(GENERATE_ARRAY(1, 5000)) AS n")
    assert kept.emulator.stop() == 0
    path = tmp_path / "state" / "bigquery.db"
    spoil(path, lambda size: size // 8192 * 4096)
    kept.emulator.start()
    words = [str(path), "is damaged", "--state"]
    refused(kept.ask("POST", "queries", {"query": "SELECT SUM(LENGTH(x)) FROM d.t", "useLegacySql": False}),
            400, "tableUnavailable", *words)
    refused(kept.ask("GET", "datasets/d/tables/t/data?startIndex=4000"), 400, "tableUnavailable", *words)
    assert kept.rows("SELECT 1") == [["1"]]


def test_a_start_on_a_damaged_file_says_what_to_do(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "bigquery.db").write_bytes(b"no SQLite file" * 1000)
    emulator = Emulator("--state", str(folder), wait=False)
    assert emulator.process.wait(30) != 0
    line = [x for x in emulator.log().splitlines() if "is damaged" in x]
    assert len(line) == 1 and str(folder / "bigquery.db") in line[0] and "--state" in line[0], emulator.log()


def test_a_reset_leaves_the_resources_of_the_start(bq):
    job = fill(bq)
    answer = bq.emulator.control("POST", "reset?service=bigquery")
    assert answer.status == 200, answer.body
    assert [d["datasetReference"]["datasetId"] for d in bq.call("GET", "datasets")["datasets"]] == ["latam_dataset"]
    assert bq.ask("GET", f"jobs/{job}").status == 404
    bq.call("POST", "datasets", {"datasetReference": {"datasetId": "d"}})
    bq.table()
    assert bq.rows("SELECT id FROM t") == []


def test_an_insert_id_counts_for_a_minute_of_the_clock(bq):
    bq.table()
    rows = {"rows": [{"insertId": "1", "json": {"id": "a"}}]}
    for seconds, n in ((0, "1"), (59, "1"), (2, "2")):
        bq.emulator.advance(seconds)
        bq.call("POST", "datasets/d/tables/t/insertAll", rows)
        assert bq.rows("SELECT COUNT(*) FROM t") == [[n]]


# --- DEFAULT ----------------------------------------------------------------------

DEFAULTS = ("CREATE TABLE t (id STRING, n INT64 DEFAULT 6 * 7, made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP(),"
            " u STRING DEFAULT GENERATE_UUID(), tags ARRAY<STRING> DEFAULT ['a', 'b'],"
            " s STRUCT<x INT64, y STRING> DEFAULT (1, 'z'), d NUMERIC DEFAULT 1.5, j JSON DEFAULT JSON '{\"k\": [1]}',"
            " b BYTES DEFAULT b'\\xff')")


def test_streamed_rows_get_what_they_leave_out(bq):
    bq.emulator.freeze()
    bq.query(DEFAULTS)
    assert bq.insert({"id": "a"}, {"id": "b", "n": None, "u": "mine"}, {"id": "c", "n": 1}) == []
    rows = bq.rows("SELECT id, n, made = CURRENT_TIMESTAMP(), LENGTH(u), ARRAY_TO_STRING(tags, ','), s, d,"
                   " TO_JSON_STRING(j), b FROM t ORDER BY id")
    tail = ["a,b", ["1", "z"], "1.5", '{"k":[1]}', "/w=="]
    assert rows == [["a", "42", "true", "36", *tail], ["b", None, "true", "4", *tail], ["c", "1", "true", "36", *tail]]
    assert bq.rows("SELECT COUNT(DISTINCT u) FROM t") == [["3"]]


def test_the_partition_of_a_row_follows_from_its_default(bq):
    bq.query("CREATE TABLE t (id STRING, day DATE DEFAULT CURRENT_DATE()) PARTITION BY day")
    bq.insert({"id": "a"})
    today = bq.rows("SELECT FORMAT_DATE('%Y%m%d', CURRENT_DATE())")
    assert bq.rows("SELECT partition_id FROM d.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = 't'") == today


def test_a_default_that_fails_refuses_the_row(bq):
    bq.table(schema=[{"name": "id", "type": "STRING"},
                     {"name": "n", "type": "INT64", "defaultValueExpression": "1 / 0"}])
    errors = bq.insert({"id": "a"}, {"id": "b", "n": 1})
    assert [(e["index"], e["errors"][0]["reason"], e["errors"][0]["location"]) for e in errors] == [
        (0, "invalid", "n"), (1, "stopped", "")]
    assert "division by zero" in errors[0]["errors"][0]["message"]


@pytest.mark.parametrize("schema", [None, {"fields": [{"name": "id", "type": "STRING"}]}])
def test_loaded_rows_get_what_they_leave_out(bq, schema):
    bq.query(DEFAULTS)
    job = {"configuration": {"load": {
        "sourceFormat": "NEWLINE_DELIMITED_JSON",
        "destinationTable": {"projectId": PROJECT, "datasetId": "d", "tableId": "t"}}}}
    if schema:
        job["configuration"]["load"]["schema"] = schema
    body = (f"--x\r\nContent-Type: application/json\r\n\r\n{json.dumps(job)}\r\n"
            "--x\r\nContent-Type: */*\r\n\r\n{\"id\": \"a\"}\n\r\n--x--\r\n")
    answer = datos.request(
        "POST", f"http://{bq.emulator.bigquery}/upload/bigquery/v2/projects/{PROJECT}/jobs?uploadType=multipart",
        body, headers={"Content-Type": "multipart/related; boundary=x"})
    assert answer.status == 200, answer.body
    ident = answer.json()["jobReference"]["jobId"]
    done = datos.wait_for(lambda: [j for j in [bq.call("GET", f"jobs/{ident}")] if j["status"]["state"] == "DONE"])[0]
    assert "errorResult" not in done["status"], done["status"]
    assert bq.rows("SELECT id, n, made IS NULL, d FROM t") == [["a", "42", "false", "1.5"]]


# --- bytes --------------------------------------------------------------------------

def bytes_of(bq, sql):
    return int(bq.query(sql, dryRun=True)["totalBytesProcessed"])


def test_a_query_reads_the_columns_that_it_names(bq):
    bq.query("CREATE TABLE w (id STRING, n INT64, big STRING, day DATE) PARTITION BY day")
    bq.query("INSERT w SELECT 'abc', n, REPEAT('x', 98), DATE_ADD('2026-01-01', INTERVAL n DAY)"
             " FROM UNNEST([0, 1, 2]) AS n UNION ALL SELECT NULL, NULL, NULL, '2026-01-01'")
    for sql, wanted in (("SELECT * FROM w", 3 * (5 + 8 + 100) + 4 * 8), ("SELECT n FROM w", 24),
                        ("SELECT id FROM w", 15), ("SELECT COUNT(*) FROM w", 0), ("SELECT 1 FROM w", 0),
                        ("SELECT id FROM w WHERE n > 1", 15 + 24), ("SELECT n FROM w ORDER BY id LIMIT 1", 15 + 24),
                        ("SELECT a.n FROM w AS a JOIN w AS b ON a.id = b.id", 15 + 24 + 15),
                        ("SELECT n FROM w WHERE day = '2026-01-02'", 8 + 8),
                        ("SELECT n FROM w WHERE day >= '2026-01-02'", 16 + 16),
                        ("SELECT n FROM w WHERE day < '2026-01-02'", 8 + 16), ("WITH a AS (SELECT n FROM w) SELECT * FROM a", 24),
                        ("INSERT w(n) VALUES (1)", 0), ("INSERT w(n) SELECT n FROM w", 24),
                        ("DELETE FROM w WHERE n = 1", 3 * (5 + 8 + 100) + 4 * 8)):
        assert bytes_of(bq, sql) == wanted, sql
    assert bq.query("SELECT n FROM w")["totalBytesProcessed"] == "24"


def held(bq, name):
    """What INFORMATION_SCHEMA and tables.get say that a table holds."""
    table = bq.call("GET", f"datasets/d/tables/{name}")
    return table["numRows"], table["numBytes"], bq.rows(
        "SELECT partition_id, total_rows, total_logical_bytes FROM d.INFORMATION_SCHEMA.PARTITIONS "
        f"WHERE table_name = '{name}' ORDER BY partition_id")


@pytest.mark.parametrize("layout, names", [
    ("PARTITION BY DATE(w)", "s x y"), ("PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 10))", "s x y"),
    ("", "s x y"), ("PARTITION BY DATE(w)", "rowid oid _rowid_")])
def test_rows_that_sql_adds_are_counted_as_if_all_were_counted_anew(bq, layout, names):
    s, x, y = names.split()
    bq.query(f"CREATE TABLE t ({s} STRING, n INT64, w TIMESTAMP, {x} INT64, {y} BOOL) {layout}")
    bq.query(f"INSERT t ({s}, n, w) VALUES ('a', 1, '2025-01-01'), ('bb', 95, '2025-01-02 10:00:00')")
    assert held(bq, "t")[0] == "2"
    bq.query(f"INSERT t ({s}, n, w) VALUES ('ñ', NULL, NULL), (NULL, 12, '2025-01-01 23:00:00'), ('', 300, '1960-05-05')")
    bq.query(f"INSERT t ({s}, n, w) SELECT {s}, n, w FROM t WHERE n < 50")
    bq.query(f"INSERT t ({s}, n, w) SELECT {s}, n, w FROM t WHERE FALSE")
    job = bq.call("POST", "jobs", {"configuration": {"query": {
        "query": f"SELECT 'job' AS {s}, 44 AS n, TIMESTAMP '2025-01-02' AS w", "useLegacySql": False,
        "destinationTable": {"datasetId": "d", "tableId": "t"}, "writeDisposition": "WRITE_APPEND"}}})
    assert bq.call("GET", f"queries/{job['jobReference']['jobId']}")["jobComplete"]
    grown = held(bq, "t")
    bq.query("UPDATE t SET n = n WHERE TRUE")  # forgets, so that all is counted
    assert held(bq, "t") == grown
    assert grown[0] == "8" and (not layout or sum(int(row[1]) for row in grown[2]) == 8)
    bq.query("DELETE FROM t WHERE n = 95")
    bq.query(f"INSERT t ({s}, n, w) VALUES ('z', 95, '2025-01-02')")
    assert held(bq, "t")[0] == "8"


def test_partitions_are_counted_when_they_are_asked_for(bq):
    asked = "SELECT partition_id, total_rows FROM d.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = '{}' ORDER BY 1"
    bq.query("CREATE TABLE r (a INT64) PARTITION BY RANGE_BUCKET(a, GENERATE_ARRAY(0, 100, 10))")
    assert bq.rows(asked.format("r")) == []
    bq.query("INSERT r VALUES (5), (15), (500), (NULL)")
    assert bq.rows(asked.format("r")) == [["0", "1"], ["10", "1"], ["__NULL__", "1"], ["__UNPARTITIONED__", "1"]]
    bq.query("UPDATE r SET a = 25 WHERE a IN (5, 500)")
    assert bq.rows(asked.format("r")) == [["10", "1"], ["20", "2"], ["__NULL__", "1"]]
    bq.query("DELETE FROM r WHERE TRUE")
    assert bq.rows(asked.format("r")) == []
    bq.query("CREATE TABLE c PARTITION BY day AS SELECT n, DATE '2026-05-01' AS day FROM UNNEST([1, 2]) AS n")
    bq.query("CREATE TABLE plain AS SELECT 1 AS n")
    # by a statement that writes, too
    bq.query("CREATE TABLE kept AS SELECT table_name, partition_id, total_rows FROM d.INFORMATION_SCHEMA.PARTITIONS")
    assert bq.rows("SELECT * FROM kept ORDER BY 1") == [["c", "20260501", "2"], ["plain", None, "1"]]


FILTERS = (
    "w >= '2025-01-01'", "w >= '2025-01-10' AND w < '2025-01-12 12:00:00'", "w > '2025-01-30 23:00:00'",
    "'2025-01-20' > w AND n < 4000", "w BETWEEN '2025-01-03' AND '2025-01-28'", "w < '1999-01-01'",
    "DATE(w) = '2025-01-05'", "DATE(w) > '2025-01-05' AND DATE(w) <= '2025-01-25'", "DATE(w) < '2025-01-02'",
    "DATE(w) IN ('2025-01-05', NULL)", "DATE(w) = NULL", "CAST(w AS DATE) BETWEEN '2025-01-02' AND '2025-01-04'",
    "TIMESTAMP_TRUNC(w, DAY) < '2025-01-05 10:00:00'", "TIMESTAMP_TRUNC(w, DAY) <= '2025-01-05 10:00:00'",
    "TIMESTAMP_TRUNC(w, DAY) > '2025-01-05 10:00:00'", "TIMESTAMP_TRUNC(w, DAY) >= '2025-01-05 10:00:00'",
    "TIMESTAMP_TRUNC(w, DAY) = '2025-01-05 10:00:00'", "TIMESTAMP_TRUNC(w, DAY) < '1969-12-31 10:00:00'",
    "TIMESTAMP_TRUNC(w, DAY) > '1969-12-31 10:00:00'", "TIMESTAMP_TRUNC(w, DAY) = '2025-01-05'",
    "w >= '2025-01-01' OR s = 'x'", "w > '2025-01-01' AND w IS NOT NULL AND s <> 't1.\"w\" /*w0*/ /*v0*/'",
    "w > '2025-01-01' AND w <> TIMESTAMP_ADD('2025-01-01', INTERVAL n HOUR)", "w IS NULL",
    "NOT (w >= '2025-01-15')", "n < 40 AND w >= '2025-01-01' AND EXISTS (SELECT 1 FROM v WHERE v.n = {t}.n AND v.w >= '2025-01-01')")


@pytest.mark.parametrize("scattered", [True, False])
def test_partitions_change_how_fast_an_answer_comes_and_not_what_it_is(bq, scattered):
    minute = "MOD(n * 7919, 44640)" if scattered else "n * 7"
    bq.query("CREATE TABLE u AS SELECT n, IF(n = 17, 't1.\"w\" /*w0*/ /*v0*/', FORMAT('s%d', MOD(n, 7))) AS s, CASE n WHEN 5 THEN "
             f"NULL WHEN 6 THEN TIMESTAMP '1969-12-30 05:00:00' ELSE TIMESTAMP_ADD('2025-01-01', INTERVAL {minute} MINUTE) "
             "END AS w FROM UNNEST(GENERATE_ARRAY(1, 6000)) AS n")
    bq.query("CREATE TABLE t PARTITION BY DATE(w) AS SELECT * FROM u ORDER BY n")
    bq.query("CREATE VIEW v AS SELECT n, s, w FROM t")
    for where in FILTERS:
        for sql in ("SELECT s, COUNT(*), MIN(n), MAX(w), SUM(n) FROM {t} WHERE {w} GROUP BY s ORDER BY s LIMIT 20",
                    "SELECT n, s, w FROM {t} WHERE {w} ORDER BY w DESC, n LIMIT 30",
                    "SELECT COUNT(*), MIN(w), MAX(w) FROM {t} WHERE {w}",
                    "WITH x AS (SELECT * FROM {t} WHERE {w}) SELECT DATE(w) AS d, COUNT(DISTINCT s) FROM x GROUP BY d ORDER BY d",
                    "SELECT COUNT(*) FROM (SELECT s, ROW_NUMBER() OVER (PARTITION BY s ORDER BY n) AS r FROM {t} WHERE {w}) WHERE r < 9"):
            ours, plain, view = (bq.rows(sql.format(t=t, w=where.format(t=t))) for t in ("t", "u", "v"))
            assert ours == plain == view, (sql, where)


def test_columns_of_one_name_cannot_go_into_a_table(bq):
    config = {"query": {"query": "SELECT 1 AS a, 2 AS a", "useLegacySql": False, "destinationTable": {
        "projectId": PROJECT, "datasetId": "d", "tableId": "twice"}}}
    answer = bq.ask("POST", "jobs", {"configuration": config})
    status = answer.json().get("status", {})
    assert "Duplicate column names" in (status.get("errorResult") or answer.json().get("error"))["message"]
    assert bq.ask("GET", "datasets/d/tables/twice").status == 404


# --- what clients may stumble over ------------------------------------------------

def test_streamed_rows_are_queried_at_once_and_listed_once_flushed(bq):
    bq.emulator.freeze()
    bq.table()
    bq.insert({"id": "a"}, {"id": "b"})
    assert bq.call("GET", "datasets/d/tables/t")["streamingBuffer"]["estimatedRows"] == "2"
    assert "rows" not in bq.call("GET", "datasets/d/tables/t/data")
    assert len(bq.rows("SELECT id FROM t")) == 2
    answer = bq.ask("POST", "queries", {"query": "DELETE FROM d.t WHERE id = 'a'", "useLegacySql": False})
    assert answer.status == 400 and "streaming buffer" in answer.body
    bq.emulator.advance(60)
    assert len(bq.call("GET", "datasets/d/tables/t/data")["rows"]) == 2
    assert "streamingBuffer" not in bq.call("GET", "datasets/d/tables/t")
    assert bq.query("DELETE FROM t WHERE id = 'a'")["numDmlAffectedRows"] == "1"


def test_no_answer_comes_from_a_cache_and_jobs_may_go_unrecorded(bq):
    bq.table()
    assert [bq.query("SELECT COUNT(*) FROM t", useQueryCache=True)["cacheHit"] for _ in range(2)] == [False, False]
    before = len(bq.call("GET", "jobs")["jobs"])
    bq.query("SELECT 1", jobCreationMode="JOB_CREATION_OPTIONAL")
    assert len(bq.call("GET", "jobs")["jobs"]) == before
    bq.query("SELECT 1", jobCreationMode="JOB_CREATION_REQUIRED")
    assert len(bq.call("GET", "jobs")["jobs"]) == before + 1


def test_the_partition_summary_is_refused_by_name(bq):
    bq.table(timePartitioning={"type": "DAY"})
    answer = bq.ask("GET", "datasets/d/tables/t$__PARTITIONS_SUMMARY__")
    assert answer.status == 501 and "INFORMATION_SCHEMA.PARTITIONS" in answer.body


def test_the_ddl_of_a_table_makes_its_like(bq):
    tables = {
        "whole": """(id INT64 NOT NULL OPTIONS(description='the "key"'), s STRING(10) DEFAULT 'x', n NUMERIC(10, 2),
            r STRUCT<a INT64 NOT NULL, b ARRAY<STRING(3)>>, tags ARRAY<BYTES(4)>, ts TIMESTAMP)
            PARTITION BY DATE(ts) CLUSTER BY id, s OPTIONS(description='one\\ntwo', friendly_name='f',
            labels=[('a', 'b'), ('c', 'd')], partition_expiration_days=7, require_partition_filter=true,
            expiration_timestamp=TIMESTAMP '2100-01-01 00:00:00.250+00')""",
        "ingested": "(a INT64) PARTITION BY TIMESTAMP_TRUNC(_PARTITIONTIME, HOUR)",
        "daily": "(a INT64) PARTITION BY _PARTITIONDATE",
        "ranges": "(a INT64) PARTITION BY RANGE_BUCKET(a, GENERATE_ARRAY(0, 100, 10))",
        "months": "(a DATE) PARTITION BY DATE_TRUNC(a, MONTH)",
        "hours": "(a DATETIME) PARTITION BY DATETIME_TRUNC(a, HOUR)",
    }
    kept = ("schema", "timePartitioning", "rangePartitioning", "clustering", "description", "friendlyName", "labels",
            "expirationTime", "requirePartitionFilter", "view", "type")
    for name, definition in tables.items():
        bq.query(f"CREATE TABLE {name} {definition}")
    bq.query("CREATE VIEW v OPTIONS(description='seen') AS SELECT 1 AS x")
    ddl = dict(bq.rows("SELECT table_name, ddl FROM d.INFORMATION_SCHEMA.TABLES"))
    assert set(ddl) == {*tables, "v"}
    for name, text in ddl.items():
        before = bq.call("GET", f"datasets/d/tables/{name}")
        bq.call("DELETE", f"datasets/d/tables/{name}")
        bq.query(text)
        after = bq.call("GET", f"datasets/d/tables/{name}")
        assert {k: before.get(k) for k in kept} == {k: after.get(k) for k in kept}, text
    assert ddl["daily"] == f"CREATE TABLE `{PROJECT}.d.daily`\n(\n  a INT64\n)\nPARTITION BY _PARTITIONDATE;"


def test_the_bytes_of_a_wildcard_are_those_of_the_tables_and_partitions_it_reads(bq):
    for suffix, day in [("a", 1), ("b", 2)]:
        bq.query(f"CREATE TABLE log_{suffix} (id INT64, note STRING, d DATE) PARTITION BY d")
        bq.query(f"INSERT INTO log_{suffix} VALUES (1, 'xx', '2024-01-0{day}'), (2, 'yy', '2024-01-05')")

    def read(sql, **more):
        ran = bq.query(sql, dryRun=True, **more)["totalBytesProcessed"]
        assert bq.query(sql, **more)["totalBytesProcessed"] == ran
        return int(ran)

    assert read("SELECT * FROM `log_*`") == 4 * 20
    assert read("SELECT id FROM `log_*`") == 4 * 8
    assert read("SELECT COUNT(*) FROM `log_*`") == 0
    assert read("SELECT id FROM `log_*` WHERE _TABLE_SUFFIX = 'b'") == 2 * 8
    assert read("SELECT id FROM `log_*` WHERE d = '2024-01-02'") == 16
    assert read("SELECT id FROM `log_*` WHERE d = '2024-01-05' AND _TABLE_SUFFIX IN ('a', 'c')") == 16
    assert read("SELECT id FROM `log_*` AS l WHERE REGEXP_CONTAINS(l._TABLE_SUFFIX, r'^[c-z]') OR l._TABLE_SUFFIX = @s",
                queryParameters=[{"name": "s", "parameterType": {"type": "STRING"}, "parameterValue": {"value": "a"}}]) == 16
    # what is not known before rows are read takes no table away
    assert read("SELECT id FROM `log_*` WHERE _TABLE_SUFFIX = note") == 4 * (8 + 4)
    assert read("SELECT id FROM `log_*` WHERE _TABLE_SUFFIX = 'b' OR id = 1") == 4 * 8
    assert read("SELECT x.id FROM `log_*` x JOIN `log_*` y USING (id) WHERE x._TABLE_SUFFIX = 'a'") == 2 * 8 + 4 * 8


def test_the_options_of_tables_are_told_as_sql(bq):
    bq.query("""CREATE TABLE t (a INT64, d DATE) PARTITION BY d OPTIONS(description='say "x"', labels=[('a', 'b')],
        partition_expiration_days=1.5, expiration_timestamp=TIMESTAMP '2100-01-01 00:00:00+00')""")
    assert bq.rows("SELECT option_name, option_type, option_value FROM d.INFORMATION_SCHEMA.TABLE_OPTIONS ORDER BY 1") == [
        ["description", "STRING", '"say \\"x\\""'],
        ["expiration_timestamp", "TIMESTAMP", 'TIMESTAMP "2100-01-01T00:00:00.000Z"'],
        ["labels", "ARRAY<STRUCT<STRING, STRING>>", '[STRUCT("a", "b")]'],
        ["partition_expiration_days", "FLOAT64", "1.5"]]
    bq.query("CREATE TABLE types (s STRING(3), n NUMERIC(5), m BIGNUMERIC(40, 2), a ARRAY<STRUCT<x BYTES(2)>>)")
    assert bq.rows("SELECT column_name, data_type FROM d.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'types'") == [
        ["s", "STRING(3)"], ["n", "NUMERIC(5)"], ["m", "BIGNUMERIC(40, 2)"], ["a", "ARRAY<STRUCT<x BYTES(2)>>"]]
