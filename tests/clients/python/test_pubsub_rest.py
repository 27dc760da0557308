# SPDX-License-Identifier: Apache-2.0
"""The REST forms, as curl, gcloud, Terraform and PHP use them."""
import base64
import gzip
import http.client
import json

import pytest

TOPIC = "topics/rest-topic"
NAME = "subscriptions/rest-subscription"


@pytest.fixture(scope="module")
def rest(emulator):
    assert emulator.rest("PUT", TOPIC, {}).status == 200
    full = f"projects/datos-local/{TOPIC}"
    assert emulator.rest("PUT", NAME, {"topic": full}).status == 200
    return emulator.rest


def send(emulator, method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection(emulator.pubsub, timeout=10)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), data


def test_a_subscription_in_productions_form(rest):
    answer = rest("GET", NAME)
    assert answer.json() == {
        "name": f"projects/datos-local/{NAME}",
        "topic": f"projects/datos-local/{TOPIC}",
        "pushConfig": {},
        "ackDeadlineSeconds": 10,
        "messageRetentionDuration": "604800s",
        "expirationPolicy": {"ttl": "2678400s"},
        "state": "ACTIVE",
    }
    assert answer.body.startswith('{\n  "name": ') and answer.body.endswith("}\n")


def test_messages_there_and_back(rest):
    sent = {"messages": [{"data": base64.b64encode(b"\xff\xfe?").decode(),
                          "attributes": {"k": "v"}, "orderingKey": "o"}]}
    ids = rest("POST", f"{TOPIC}:publish", sent).json()["messageIds"]
    got = rest("POST", f"{NAME}:pull", {"maxMessages": 5}).json()["receivedMessages"]
    assert len(got) == 1
    message = got[0]["message"]
    assert message["messageId"] == ids[0]
    assert message["data"] == "//4/"
    assert message["attributes"] == {"k": "v"}
    assert message["orderingKey"] == "o"
    assert message["publishTime"].endswith("Z") and len(message["publishTime"]) == 24
    assert rest("POST", f"{NAME}:modifyAckDeadline",
                {"ackIds": [got[0]["ackId"]], "ackDeadlineSeconds": 30}).body == "{}\n"
    assert rest("POST", f"{NAME}:acknowledge", {"ackIds": [got[0]["ackId"]]}).body == "{}\n"
    assert rest("POST", f"{NAME}:pull", {"maxMessages": 5, "returnImmediately": True}).body == "{}\n"


@pytest.mark.parametrize("data", ["__4_", "//4/", "__4", "//4"])
def test_both_alphabets_of_base64(rest, data):
    assert rest("POST", f"{TOPIC}:publish", {"messages": [{"data": data}]}).status == 200


def test_compressed_request(rest, emulator):
    body = gzip.compress(json.dumps({"messages": [{"data": "eA=="}]}).encode())
    status, _, _ = send(emulator, "POST", f"/v1/projects/datos-local/{TOPIC}:publish", body,
                        {"Content-Type": "application/json", "Content-Encoding": "gzip"})
    assert status == 200


def test_update_by_mask_in_camel_case(rest):
    answer = rest("PATCH", NAME, {"subscription": {"ackDeadlineSeconds": 42, "labels": {"a": "b"}},
                                  "updateMask": "ackDeadlineSeconds,labels"})
    assert answer.status == 200, answer.body
    assert answer.json()["ackDeadlineSeconds"] == 42
    assert answer.json()["labels"] == {"a": "b"}
    answer = rest("PATCH", TOPIC, {"topic": {"messageRetentionDuration": "3600s"},
                                   "updateMask": "messageRetentionDuration"})
    assert answer.json()["messageRetentionDuration"] == "3600s"


def test_lists_and_pages(rest):
    for i in range(3):
        rest("PUT", f"topics/paged-{i}", {})
    first = rest("GET", "topics?pageSize=2").json()
    assert len(first["topics"]) == 2
    rest_of = rest("GET", f"topics?pageToken={first['nextPageToken']}").json()
    assert "nextPageToken" not in rest_of
    names = [t["name"] for t in first["topics"] + rest_of["topics"]]
    assert names == sorted(names) and len(names) == len(set(names))
    assert rest("GET", f"{TOPIC}/subscriptions").json() == {
        "subscriptions": [f"projects/datos-local/{NAME}"]}


def test_snapshots_and_seek(rest):
    full = f"projects/datos-local/{NAME}"
    made = rest("PUT", "snapshots/rest-snapshot", {"subscription": full, "labels": {"a": "b"}})
    assert made.status == 200, made.body
    assert made.json()["labels"] == {"a": "b"}
    changed = rest("PATCH", "snapshots/rest-snapshot",
                   {"snapshot": {"labels": {"c": "d"}}, "updateMask": "labels"})
    assert changed.json()["labels"] == {"c": "d"}
    assert rest("POST", f"{NAME}:seek",
                {"snapshot": "projects/datos-local/snapshots/rest-snapshot"}).body == "{}\n"
    assert rest("POST", f"{NAME}:seek", {"time": "2030-01-01T00:00:00Z"}).status == 200
    assert [n["name"] for n in rest("GET", "snapshots").json()["snapshots"]] == [
        "projects/datos-local/snapshots/rest-snapshot"]
    assert rest("GET", f"{TOPIC}/snapshots").status == 200
    assert rest("DELETE", "snapshots/rest-snapshot").body == "{}\n"


def test_detach_and_delete(rest):
    topic = "projects/datos-local/" + TOPIC
    rest("PUT", "subscriptions/short-lived", {"topic": topic})
    assert rest("POST", "subscriptions/short-lived:detach", {}).body == "{}\n"
    assert rest("GET", "subscriptions/short-lived").json()["detached"] is True
    assert rest("DELETE", "subscriptions/short-lived").body == "{}\n"
    assert rest("GET", "subscriptions/short-lived").status == 404


@pytest.mark.parametrize("method,path,body,status,word,text", [
    ("GET", "topics/no-such", None, 404, "NOT_FOUND", "Resource not found (resource=no-such)."),
    ("PUT", TOPIC, {}, 409, "ALREADY_EXISTS",
     "Resource already exists in the project (resource=rest-topic)."),
    ("POST", f"{NAME}:pull", {"maxMessages": 0}, 400, "INVALID_ARGUMENT",
     "You have passed an invalid argument to the service (argument=max_messages)."),
    ("POST", f"{TOPIC}:publish", {"message": []}, 400, "INVALID_ARGUMENT",
     'Invalid JSON payload received. Unknown name "message": Cannot find field.'),
])
def test_errors_in_googles_form(rest, method, path, body, status, word, text):
    answer = rest(method, path, body)
    error = answer.json()["error"]
    assert answer.status == status
    assert (error["code"], error["status"], error["message"]) == (status, word, text)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages":1}', b'{"messages":[{"data":"*"}]}',
                                  b"\xff\xfe", b'{"messages":[{"data":1}]}', b"null" * 1000])
def test_broken_bodies_are_refused(rest, emulator, body):
    status, _, answer = send(emulator, "POST", f"/v1/projects/datos-local/{TOPIC}:publish", body,
                             {"Content-Type": "application/json"})
    assert status == 400, answer
    assert json.loads(answer)["error"]["status"] == "INVALID_ARGUMENT"


def test_root_says_ok_and_anything_else_is_not_found(emulator):
    status, _, body = send(emulator, "GET", "/")
    assert (status, body.strip()) == (200, b"Ok")
    assert send(emulator, "GET", "/no/such/thing")[0] == 404


def test_preflight_of_a_browser(emulator):
    status, headers, _ = send(emulator, "OPTIONS", "/v1/projects/p/topics/t", b"", {
        "Origin": "http://localhost:3000", "Access-Control-Request-Method": "PUT"})
    assert status == 200
    headers = {k.lower(): v for k, v in headers.items()}
    assert headers["access-control-allow-origin"] == "http://localhost:3000"
    # as Google's emulator: a page may fetch with its credentials
    assert headers["access-control-allow-credentials"] == "true"
    _, headers, _ = send(emulator, "GET", "/v1/projects/p/topics", b"", {"Origin": "http://localhost:3000"})
    headers = {k.lower(): v for k, v in headers.items()}
    assert (headers["access-control-allow-origin"], headers["access-control-allow-credentials"]) == (
        "http://localhost:3000", "true")
    _, headers, _ = send(emulator, "OPTIONS", "/v1/projects/p/topics", b"", {})
    assert "access-control-allow-credentials" not in {k.lower() for k in headers}


# --- the answer's form -------------------------------------------------------------

@pytest.mark.parametrize("fields, want", [
    ("name", {"name": f"projects/datos-local/{NAME}"}),
    ("expirationPolicy/ttl,state", {"expirationPolicy": {"ttl": "2678400s"}, "state": "ACTIVE"}),
    ("expiration_policy.ttl", {"expirationPolicy": {"ttl": "2678400s"}}),
    ("filter", {}),
])
def test_fields_choose_what_is_answered(rest, fields, want):
    assert rest("GET", f"{NAME}?fields={fields}").json() == want
    assert rest("GET", f"{NAME}?$fields={fields}").json() == want


def test_fields_of_every_kind_of_call(rest):
    full = f"projects/datos-local/{TOPIC}"
    listed = rest("GET", "topics?fields=topics(name)").json()
    assert {"name": full} in listed["topics"] and all(list(t) == ["name"] for t in listed["topics"])
    assert "nextPageToken" in rest("GET", "topics?pageSize=1&fields=nextPageToken").json()
    ids = rest("POST", f"{TOPIC}:publish?fields=messageIds", {"messages": [{"data": "eA=="}]}).json()
    assert list(ids) == ["messageIds"]
    got = rest("POST", f"{NAME}:pull?fields=receivedMessages(ackId,message/data)", {"maxMessages": 1}).json()
    assert [sorted(m) for m in got["receivedMessages"]] == [["ackId", "message"]]
    assert got["receivedMessages"][0]["message"] == {"data": "eA=="}
    rest("POST", f"{NAME}:acknowledge", {"ackIds": [got["receivedMessages"][0]["ackId"]]})
    changed = rest("PATCH", f"{NAME}?fields=labels", {
        "subscription": {"labels": {"a": "b"}}, "updateMask": "labels"})
    assert changed.json() == {"labels": {"a": "b"}}


@pytest.mark.parametrize("query, text", [
    ("fields=nada", "Cannot find matching fields for path 'nada'"),
    ("fields=topic(", "Invalid field selection"),
    ("fields=", "Invalid field selection"),
    ("alt=media", "alt"),
    ("alt=proto", "alt"),
    ("callback=f", "callback"),
    ("pretty=1", "Unknown name"),
])
def test_forms_that_no_answer_has(rest, query, text):
    answer = rest("GET", f"{NAME}?{query}")
    assert answer.status == 400 and text in answer.json()["error"]["message"], answer.body


def test_answers_on_one_line_and_with_numbers_of_enums(rest):
    for query in ("prettyPrint=false", "$prettyPrint=false", "prettyPrint=0"):
        answer = rest("GET", f"{NAME}?{query}&fields=name,state")
        assert answer.body == f'{{"name":"projects/datos-local/{NAME}","state":"ACTIVE"}}\n'
    answer = rest("GET", f"{NAME}?%24alt=json%3Benum-encoding%3Dint&fields=state")
    assert answer.json() == {"state": 1}


def test_page_tokens_belong_to_their_list(rest):
    for i in range(2):
        assert rest("PUT", f"topics/tokened-{i}", {}).status == 200
    token = rest("GET", "topics?pageSize=1").json()["nextPageToken"]
    assert rest("GET", f"topics?pageSize=1&pageToken={token}").status == 200
    for other in ("subscriptions", f"{TOPIC}/subscriptions"):
        answer = rest("GET", f"{other}?pageToken={token}")
        assert answer.status == 400 and "Invalid page token" in answer.body


def test_page_tokens_of_a_topic_are_no_projects(rest):
    """Both lists have the same names."""
    for i in range(2):
        for topic in ("hung-a", "hung-b"):
            assert rest("PUT", f"topics/{topic}", {}).status in (200, 409)
            made = rest("PUT", f"subscriptions/{topic}-{i}", {"topic": f"projects/datos-local/topics/{topic}"})
            assert made.status == 200
    lists = "subscriptions", "topics/hung-a/subscriptions", "topics/hung-b/subscriptions"
    tokens = [rest("GET", f"{path}?pageSize=1").json()["nextPageToken"] for path in lists]
    for i, path in enumerate(lists):
        for k, token in enumerate(tokens):
            assert rest("GET", f"{path}?pageToken={token}").status == (200 if i == k else 400), (path, k)


def test_tokens_of_revisions_belong_to_their_schema(rest):
    avro = '{"type":"record","name":"R","fields":[{"name":"a","type":"string","default":""}]}'
    for name in ("one", "two"):
        made = rest("POST", f"schemas?schemaId={name}", {"type": "AVRO", "definition": avro}).json()
        assert rest("POST", f"schemas/{name}:commit", {"schema": made}).status == 200
    token = rest("GET", "schemas/one:listRevisions?pageSize=1").json()["nextPageToken"]
    assert len(rest("GET", f"schemas/one:listRevisions?pageToken={token}").json()["schemas"]) == 1
    assert rest("GET", f"schemas/two:listRevisions?pageToken={token}").status == 400
    assert rest("GET", f"schemas?pageToken={token}").status == 400


def test_what_is_not_carried_out_is_refused(rest):
    answer = rest("PUT", "topics/tagged", {"tags": {"123/env": "prod"}})
    assert answer.status == 501 and "tags" in answer.body
    answer = rest("PUT", "subscriptions/tagged", {"topic": f"projects/datos-local/{TOPIC}", "tags": {"1/e": "p"}})
    assert answer.status == 501 and "tags" in answer.body
    answer = rest("PUT", "snapshots/tagged", {"subscription": f"projects/datos-local/{NAME}", "tags": {"1/e": "p"}})
    assert answer.status == 501 and "tags" in answer.body
    shown = rest("PUT", "topics/not-sealed", {"satisfiesPzs": True}).json()
    assert "satisfiesPzs" not in shown


def test_a_post_may_stand_for_another_method(rest, emulator):
    """As Google's front end takes it from clients that know no other."""
    path = f"/v1/projects/datos-local/{NAME}"
    other = {"X-HTTP-Method-Override": "GET"}
    status, _, body = send(emulator, "POST", path, headers=other)
    assert status == 200 and json.loads(body) == rest("GET", NAME).json()
    form = {**other, "Content-Type": "application/x-www-form-urlencoded"}
    status, _, body = send(emulator, "POST", path + "?prettyPrint=false", b"fields=name%2Cstate", form)
    assert status == 200 and body == (
        b'{"name":"projects/datos-local/' + NAME.encode() + b'","state":"ACTIVE"}\n')
    patch = {"subscription": {"labels": {"by": "post"}}, "updateMask": "labels"}
    status, _, body = send(emulator, "POST", path, json.dumps(patch), {"X-HTTP-Method-Override": "PATCH"})
    assert status == 200 and json.loads(body)["labels"] == {"by": "post"}
    # only a POST may, and only for a method that the path has
    assert send(emulator, "GET", path, headers={"X-HTTP-Method-Override": "DELETE"})[0] == 200
    assert send(emulator, "POST", path, headers={"X-HTTP-Method-Override": "BREW"})[0] == 404
