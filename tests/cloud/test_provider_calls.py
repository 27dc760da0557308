# SPDX-License-Identifier: Apache-2.0
"""What Terraform's Google provider asks of Pub/Sub and BigQuery for
terraform/local, call for call (as version 7.45 was seen to make them), for
machines without the provider: create, refresh without a difference, change
in place, refresh, destroy, and nothing is left."""
import json

import datos
import emulator
import pytest

from conftest import read

P = "datos-terraform"
AGENT = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
LABELS = {"goog-terraform-provisioned": "true", "system": "uno"}
PROTO = 'syntax = "proto3";\nmessage Dato {\n  string id = 1;\n  optional string contenido = 2;\n  string timestamp = 3;\n}\n'
HEADERS = {"Authorization": "Bearer offline", "Content-Type": "application/json",
           "User-Agent": "Terraform/1.11 terraform-provider-google/7.45.0"}


@pytest.fixture(name="cloud", scope="module")
def the_cloud():
    e = emulator.Emulator()
    yield Provider(e)
    assert e.stop() == 0


class Provider:
    def __init__(self, e):
        self.base = {"pubsub": f"http://{e.pubsub}/v1/projects/{P}/", "project": f"{e.console}/v1/projects/{P}",
                     "bigquery": f"http://{e.bigquery.removeprefix('http://')}/bigquery/v2/projects/{P}/"}

    def ask(self, method, service, path, body=None, expect=200):
        """The answer as an object; an empty 200 is an error of the provider."""
        url = self.base[service] + path + ("&" if "?" in path else "?") + "alt=json"
        answer = datos.request(method, url, body, headers=HEADERS)
        assert answer.status in ((200, 204) if expect == 200 else (expect,)), f"{method} {path}: {answer.status} {answer.body}"
        if answer.status == 204:
            return {}
        found = json.loads(answer.body)
        if expect != 200:
            assert found["error"]["code"] == expect and found["error"]["message"] and found["error"]["status"]
        return found

    def get(self, service, path):
        """Twice the same: a refresh must not differ from the one before."""
        first = self.ask("GET", service, path)
        assert self.ask("GET", service, path) == first
        return first


def fields(columns):
    return [{**c, "policyTags": {"names": []}} for c in columns]


COLUMNS = json.loads(read("src", "schema", "datos.json"))
TOPICS = {"dead-letter": {"labels": LABELS, "messageRetentionDuration": "2678400s"},
          "topic": {"labels": LABELS, "messageRetentionDuration": "604800s"}}
SUBSCRIPTIONS = {
    "dead-letter-subscription": {
        "ackDeadlineSeconds": 60, "deadLetterPolicy": None, "expirationPolicy": {}, "labels": LABELS,
        "messageRetentionDuration": "2678400s", "retryPolicy": None, "topic": f"projects/{P}/topics/dead-letter"},
    "subscription": {
        "ackDeadlineSeconds": 60, "expirationPolicy": {}, "labels": LABELS, "messageRetentionDuration": "604800s",
        "deadLetterPolicy": {"deadLetterTopic": f"projects/{P}/topics/dead-letter", "maxDeliveryAttempts": 100},
        "retryPolicy": {"maximumBackoff": "600s", "minimumBackoff": "10s"}, "topic": f"projects/{P}/topics/topic"},
    "empuje": {
        "ackDeadlineSeconds": 60, "expirationPolicy": {}, "labels": LABELS, "messageRetentionDuration": "604800s",
        "deadLetterPolicy": {"deadLetterTopic": f"projects/{P}/topics/dead-letter", "maxDeliveryAttempts": 100},
        "retryPolicy": {"maximumBackoff": "600s", "minimumBackoff": "10s"}, "topic": f"projects/{P}/topics/topic",
        "pushConfig": {"attributes": {"x-goog-version": "v1"}, "pushEndpoint": "https://tres-api.example.com/pubsub/push",
                       "oidcToken": {"audience": "https://tres-api.example.com/pubsub/push",
                                     "serviceAccountEmail": f"tres-push@{P}.iam.gserviceaccount.com"}}},
    "raw": {
        "bigqueryConfig": {"table": f"{P}.uno_latam_dataset.raw", "writeMetadata": True}, "deadLetterPolicy": None,
        "expirationPolicy": {}, "labels": LABELS, "messageRetentionDuration": "604800s", "retryPolicy": None,
        "topic": f"projects/{P}/topics/topic"}}
DATASET = {"datasetReference": {"datasetId": "uno_latam_dataset"}, "description": "Records of the system uno",
           "labels": LABELS, "location": "US"}
RAW_COLUMNS = [{"name": n, "type": t, "mode": "NULLABLE", "description": n} for n, t in (
    ("subscription_name", "STRING"), ("message_id", "STRING"), ("publish_time", "TIMESTAMP"),
    ("attributes", "STRING"), ("data", "BYTES"))]


def table(name, columns, partition, **more):
    return {"labels": LABELS, "schema": {"fields": fields(columns)},
            "tableReference": {"projectId": P, "datasetId": "uno_latam_dataset", "tableId": name},
            "timePartitioning": {"type": "DAY", "requirePartitionFilter": False, **partition}, **more}


RECORDS = table("datos", COLUMNS, {"field": "timestamp"}, clustering={"fields": ["id"]}, requirePartitionFilter=True)
RAW = table("raw", RAW_COLUMNS, {"field": "publish_time", "expirationMs": "2678400000"})
DATASET_PATH = "datasets/uno_latam_dataset?accessPolicyVersion=3"
TABLES = "datasets/uno_latam_dataset/tables"


PUSHED = "https://tres-api.example.com/v2/push"


def no_difference_in_subscription(found, wanted, endpoint):
    """As the provider compares: what is absent is its default, `{}` never expires."""
    assert found["topic"] == wanted["topic"]
    assert found["ackDeadlineSeconds"] == wanted.get("ackDeadlineSeconds", 10)
    assert found["messageRetentionDuration"] == wanted["messageRetentionDuration"]
    assert found["labels"] == LABELS
    assert found["expirationPolicy"] == {}
    assert found.get("deadLetterPolicy") == wanted["deadLetterPolicy"]
    assert found.get("retryPolicy") == wanted["retryPolicy"]
    if "pushConfig" in wanted:
        assert found["pushConfig"] == {**wanted["pushConfig"], "pushEndpoint": endpoint, "oidcToken": {
            **wanted["pushConfig"]["oidcToken"], "audience": endpoint}}
    else:
        assert not found.get("pushConfig")
    for key, value in wanted.get("bigqueryConfig", {}).items():
        assert found["bigqueryConfig"][key] == value


def no_difference_in_table(found, wanted):
    assert found["tableReference"] == wanted["tableReference"]
    assert found["type"] == "TABLE" and found["labels"] == LABELS and found["etag"] and found["location"] == "US"
    assert [{k: v for k, v in f.items() if k != "policyTags"} for f in wanted["schema"]["fields"]] == \
        [{k: f[k] for k in ("name", "type", "mode", "description") if k in f} for f in found["schema"]["fields"]]
    for key in ("type", "field", "expirationMs"):
        assert found["timePartitioning"].get(key) == wanted["timePartitioning"].get(key)
    assert found.get("clustering") == wanted.get("clustering")
    assert found.get("requirePartitionFilter", False) == wanted.get("requirePartitionFilter", False)
    for key in ("creationTime", "lastModifiedTime", "numBytes", "numRows", "numLongTermBytes"):
        assert isinstance(found[key], str) and found[key].isdigit(), key


def grant(cloud, service, path, role, read_with):
    """google_*_iam_member: read, add, write with the etag that was read, read."""
    policy = cloud.ask(read_with, service, f"{path}:getIamPolicy")
    bindings = policy.get("bindings", []) + [{"role": role, "members": [AGENT]}]
    written = cloud.ask("POST", service, f"{path}:setIamPolicy",
                        {"policy": {"bindings": bindings, "etag": policy["etag"], "version": 1}})
    again = cloud.ask(read_with, service, f"{path}:getIamPolicy")
    assert again["etag"] == written["etag"] != policy["etag"]
    assert {b["role"]: b["members"] for b in again["bindings"]}[role] == [AGENT]
    # who read before that write has lost the race, and is told so
    cloud.ask("POST", service, f"{path}:setIamPolicy",
              {"policy": {"bindings": [], "etag": policy["etag"], "version": 1}}, expect=409)
    assert cloud.ask(read_with, service, f"{path}:getIamPolicy") == again


def take_back(cloud, service, path, role, read_with):
    policy = cloud.ask(read_with, service, f"{path}:getIamPolicy")
    rest = [b for b in policy["bindings"] if b["role"] != role]
    cloud.ask("POST", service, f"{path}:setIamPolicy",
              {"policy": {**({"bindings": rest} if rest else {}), "etag": policy["etag"], "version": 1}})
    after = cloud.ask(read_with, service, f"{path}:getIamPolicy")
    assert [b["role"] for b in after.get("bindings", [])] == [b["role"] for b in rest]


GRANTS = (("pubsub", "topics/dead-letter", "roles/pubsub.publisher", "GET"),
          ("pubsub", "subscriptions/subscription", "roles/pubsub.subscriber", "GET"),
          ("bigquery", TABLES + "/raw", "roles/bigquery.dataEditor", "POST"),
          ("bigquery", TABLES + "/raw", "roles/bigquery.metadataViewer", "POST"))


def test_the_project_has_a_number_and_a_billing_state(cloud):
    project = cloud.ask("GET", "project", "")
    assert project["projectId"] == P and project["lifecycleState"] == "ACTIVE"
    assert project["projectNumber"] == "123456789012"
    assert cloud.ask("GET", "project", "/billingInfo")["billingEnabled"] is False


def create(cloud):
    for name in ("topics/topic", "subscriptions/subscription", "schemas/topic-schema"):
        cloud.ask("GET", "pubsub", name, expect=404)
    cloud.ask("GET", "bigquery", DATASET_PATH, expect=404)
    cloud.ask("POST", "bigquery", "datasets?accessPolicyVersion=3", DATASET)
    made = cloud.ask("POST", "pubsub", "schemas?schemaId=topic-schema",
                     {"definition": PROTO, "name": "topic-schema", "type": "PROTOCOL_BUFFER"})
    assert made["name"] == f"projects/{P}/schemas/topic-schema"
    for name, topic in TOPICS.items():
        assert cloud.ask("PUT", "pubsub", "topics/" + name, topic)["name"] == f"projects/{P}/topics/{name}"
    cloud.ask("PUT", "pubsub", "topics/checked", {"labels": LABELS, "schemaSettings": {
        "encoding": "JSON", "schema": f"projects/{P}/schemas/topic-schema"}})
    for wanted in (RECORDS, RAW):
        assert cloud.ask("POST", "bigquery", TABLES, wanted)["tableReference"] == wanted["tableReference"]
    for name, subscription in SUBSCRIPTIONS.items():
        cloud.ask("PUT", "pubsub", "subscriptions/" + name, subscription)
    for service, path, role, read_with in GRANTS:
        grant(cloud, service, path, role, read_with)


def refresh(cloud, records, retention, endpoint):
    schema = cloud.get("pubsub", "schemas/topic-schema")
    assert schema["type"] == "PROTOCOL_BUFFER" and schema["definition"].startswith(PROTO[:-2])
    for name, topic in TOPICS.items():
        found = cloud.get("pubsub", "topics/" + name)
        assert found["labels"] == LABELS
        assert found["messageRetentionDuration"] == (retention if name == "topic" else topic["messageRetentionDuration"])
        assert "schemaSettings" not in found
    assert cloud.get("pubsub", "topics/checked")["schemaSettings"] == {
        "encoding": "JSON", "schema": f"projects/{P}/schemas/topic-schema"}
    for name, wanted in SUBSCRIPTIONS.items():
        no_difference_in_subscription(cloud.get("pubsub", "subscriptions/" + name), wanted, endpoint)
    dataset = cloud.get("bigquery", DATASET_PATH)
    assert dataset["location"] == "US" and dataset["labels"] == LABELS and dataset["etag"]
    assert dataset["description"] == DATASET["description"]
    assert dataset["creationTime"].isdigit() and dataset["lastModifiedTime"].isdigit()
    no_difference_in_table(cloud.get("bigquery", TABLES + "/datos"), records)
    no_difference_in_table(cloud.get("bigquery", TABLES + "/raw"), RAW)
    for service, path, role, read_with in GRANTS:
        policy = cloud.ask(read_with, service, f"{path}:getIamPolicy")
        assert {"role": role, "members": [AGENT]} in policy["bindings"]


def change(cloud):
    """What differs is sent alone, its name in the mask of the query."""
    cloud.ask("PATCH", "pubsub", "topics/topic?updateMask=messageRetentionDuration",
              {"topic": {"labels": LABELS, "messageRetentionDuration": "86400s"}})
    push = SUBSCRIPTIONS["empuje"]
    pushed = {**push["pushConfig"], "pushEndpoint": PUSHED, "oidcToken": {**push["pushConfig"]["oidcToken"], "audience": PUSHED}}
    cloud.ask("PATCH", "pubsub", "subscriptions/empuje?updateMask=pushConfig%2CbigqueryConfig", {"subscription": {
        **{k: v for k, v in push.items() if k != "topic"}, "pushConfig": pushed}})
    wider = COLUMNS + [{"name": "origen", "type": "STRING", "mode": "NULLABLE"}]
    changed = {**RECORDS, "schema": {"fields": fields(wider)}}
    cloud.ask("GET", "bigquery", TABLES + "/datos")
    cloud.ask("PUT", "bigquery", TABLES + "/datos", changed)
    longer = PROTO[:-2] + "  optional string origen = 4;\n}\n"
    name = f"projects/{P}/schemas/topic-schema"
    cloud.ask("POST", "pubsub", "schemas/topic-schema:commit",
              {"name": name, "schema": {"definition": longer, "name": name, "type": "PROTOCOL_BUFFER"}})
    assert cloud.ask("GET", "pubsub", "schemas/topic-schema")["definition"] == longer
    return changed


def destroy(cloud):
    for service, path, role, read_with in GRANTS:
        take_back(cloud, service, path, role, read_with)
    for name in SUBSCRIPTIONS:
        cloud.ask("DELETE", "pubsub", "subscriptions/" + name)
    for name in ("datos", "raw"):
        cloud.ask("DELETE", "bigquery", f"{TABLES}/{name}")
    for name in (*TOPICS, "checked"):
        cloud.ask("DELETE", "pubsub", "topics/" + name)
    cloud.ask("DELETE", "pubsub", "schemas/topic-schema")
    for _ in range(10):
        cloud.ask("GET", "pubsub", "schemas/topic-schema", expect=404)
    cloud.ask("DELETE", "bigquery", "datasets/uno_latam_dataset?deleteContents=true")


def test_apply_refresh_change_refresh_destroy(cloud):
    for _ in range(2):  # what was destroyed can be made again, and has forgotten its grants
        create(cloud)
        refresh(cloud, RECORDS, "604800s", SUBSCRIPTIONS["empuje"]["pushConfig"]["pushEndpoint"])
        refresh(cloud, change(cloud), "86400s", PUSHED)
        destroy(cloud)
    for kind in ("topics", "subscriptions", "schemas"):
        assert cloud.ask("GET", "pubsub", kind).get(kind, []) == []
    assert cloud.ask("GET", "bigquery", "datasets").get("datasets", []) == []


@pytest.mark.parametrize("policy, word", [
    (None, "policy"),
    ({"bindings": [{"members": [AGENT]}]}, "role"),
    ({"bindings": [{"role": "viewer", "members": [AGENT]}]}, "viewer"),
    ({"bindings": [{"role": "roles/bigquery.dataEditor", "members": ["somebody"]}]}, "somebody"),
    ({"bindings": {}}, "bindings"),
])
def test_a_policy_of_no_sense_is_refused_and_not_kept(cloud, policy, word):
    cloud.ask("POST", "bigquery", "datasets?accessPolicyVersion=3", DATASET)
    cloud.ask("POST", "bigquery", TABLES, RAW)
    try:
        before = cloud.ask("POST", "bigquery", TABLES + "/raw:getIamPolicy")
        refused = cloud.ask("POST", "bigquery", TABLES + "/raw:setIamPolicy",
                            {"policy": policy} if policy else {}, expect=400)
        assert word in refused["error"]["message"]
        assert cloud.ask("POST", "bigquery", TABLES + "/raw:getIamPolicy") == before
        cloud.ask("POST", "bigquery", TABLES + "/none:getIamPolicy", expect=404)
    finally:
        cloud.ask("DELETE", "bigquery", "datasets/uno_latam_dataset?deleteContents=true")


def test_policies_outlive_a_restart(tmp_path):
    e = emulator.Emulator("--state", str(tmp_path / "state"))
    try:
        cloud = Provider(e)
        cloud.ask("POST", "bigquery", "datasets?accessPolicyVersion=3", DATASET)
        cloud.ask("POST", "bigquery", TABLES, RAW)
        grant(cloud, "bigquery", TABLES + "/raw", "roles/bigquery.dataEditor", "POST")
        before = cloud.ask("POST", "bigquery", TABLES + "/raw:getIamPolicy")
        e.kill()
        e.start()
        cloud = Provider(e)
        assert cloud.ask("POST", "bigquery", TABLES + "/raw:getIamPolicy") == before
        # a table of the same name is another one
        cloud.ask("DELETE", "bigquery", TABLES + "/raw")
        cloud.ask("POST", "bigquery", TABLES, RAW)
        assert "bindings" not in cloud.ask("POST", "bigquery", TABLES + "/raw:getIamPolicy")
    finally:
        assert e.stop() == 0
