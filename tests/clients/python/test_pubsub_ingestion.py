# SPDX-License-Identifier: Apache-2.0
"""A topic's ingestion settings: checked as documented, kept, shown, changed by
mask. Nothing is ingested."""
import pytest
from google.api_core import exceptions
from google.protobuf import field_mask_pb2
from google.pubsub_v1.types import PlatformLogsSettings

ACCOUNT = "reader@some-project.iam.gserviceaccount.com"
ROLE = "arn:aws:iam::111111111111:role/reader"

SOURCES = {
    "aws_kinesis": {"stream_arn": "arn:aws:kinesis:us-west-2:1:stream/s",
                    "consumer_arn": "arn:aws:kinesis:us-west-2:1:stream/s/consumer/c:1",
                    "aws_role_arn": ROLE, "gcp_service_account": ACCOUNT},
    "cloud_storage": {"bucket": "some-bucket", "text_format": {"delimiter": ";"},
                      "match_glob": "in/**.txt",
                      "minimum_object_create_time": {"seconds": 1700000000}},
    "azure_event_hubs": {"resource_group": "g", "namespace": "n", "event_hub": "h",
                         "client_id": "c", "tenant_id": "t", "subscription_id": "s",
                         "gcp_service_account": ACCOUNT},
    "aws_msk": {"cluster_arn": "arn:aws:kafka:us-east-1:1:cluster/c/1", "topic": "t",
                "aws_role_arn": ROLE, "gcp_service_account": ACCOUNT},
    "confluent_cloud": {"bootstrap_server": "some.gcp.confluent.cloud:9092",
                        "cluster_id": "lkc-1", "topic": "t", "identity_pool_id": "pool-1",
                        "gcp_service_account": ACCOUNT},
}
REQUIRED = [(source, field) for source in ("aws_kinesis", "aws_msk", "confluent_cloud")
            for field in SOURCES[source]] + [("cloud_storage", "bucket")]


def mask(*paths):
    return field_mask_pb2.FieldMask(paths=paths)


def listed(google, name):
    topics = google.publisher.list_topics(project=f"projects/{google.project}")
    return next(t for t in topics if t.name == name)


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_is_kept_and_shown_as_active(google, source):
    settings = {source: SOURCES[source],
                "platform_logs_settings": {"severity": PlatformLogsSettings.Severity.WARNING}}
    name = google.publisher.topic_path(google.project, f"ingest-{source.replace('_', '-')}")
    made = google.publisher.create_topic(
        request={"name": name, "ingestion_data_source_settings": settings})
    for topic in (made, google.publisher.get_topic(topic=name), listed(google, name)):
        assert topic.state == topic.State.ACTIVE
        shown = topic.ingestion_data_source_settings
        assert shown.platform_logs_settings.severity.name == "WARNING"
        one = getattr(shown, source)
        assert one.state.name == "ACTIVE"
        for field, value in SOURCES[source].items():
            got = getattr(one, field)
            if field == "text_format":
                assert got.delimiter == ";"
            elif field == "minimum_object_create_time":
                assert int(got.timestamp()) == 1700000000
            else:
                assert got == value, field
        others = set(SOURCES) - {source}
        assert not any(other in shown for other in others)
    google.publisher.publish(name, b"still a topic").result(10)


def test_what_is_output_only_is_not_taken(google):
    name = google.topic(ingestion_data_source_settings={
        "cloud_storage": {"bucket": "some-bucket", "state": "BUCKET_NOT_FOUND"}})
    shown = google.publisher.get_topic(topic=name).ingestion_data_source_settings.cloud_storage
    assert shown.state.name == "ACTIVE"
    assert "text_format" in shown # production's default


@pytest.mark.parametrize("format", ["avro_format", "pubsub_avro_format"])
def test_formats_of_objects_are_kept(google, format):
    name = google.topic(ingestion_data_source_settings={
        "cloud_storage": {"bucket": "some-bucket", format: {}}})
    shown = google.publisher.get_topic(topic=name).ingestion_data_source_settings.cloud_storage
    assert format in shown and "text_format" not in shown


@pytest.mark.parametrize("source,field", REQUIRED)
def test_a_required_field_that_is_missing_is_named(google, source, field):
    rest = {k: v for k, v in SOURCES[source].items() if k != field}
    with pytest.raises(exceptions.InvalidArgument, match=f"{source}.{field}"):
        google.topic(ingestion_data_source_settings={source: rest})


@pytest.mark.parametrize("bucket", ["gs://some-bucket", "Upper", "a/b", ".."])
def test_a_bucket_is_a_bare_name(google, bucket):
    with pytest.raises(exceptions.InvalidArgument, match="cloud_storage.bucket"):
        google.topic(ingestion_data_source_settings={"cloud_storage": {"bucket": bucket}})


def test_a_severity_beyond_the_list_is_refused(google):
    with pytest.raises(exceptions.InvalidArgument, match="severity"):
        google.topic(ingestion_data_source_settings={"platform_logs_settings": {"severity": 77}})


def test_settings_change_by_mask_and_go_by_mask(google):
    name = google.topic(labels={"a": "1"})
    update = google.publisher.update_topic
    changed = update(topic={"name": name, "labels": {"b": "2"}, "ingestion_data_source_settings":
                            {"aws_kinesis": SOURCES["aws_kinesis"]}},
                     update_mask=mask("ingestion_data_source_settings"))
    assert changed.ingestion_data_source_settings.aws_kinesis.state.name == "ACTIVE"
    assert dict(changed.labels) == {"a": "1"}
    # another source takes the first's place
    changed = update(topic={"name": name, "ingestion_data_source_settings":
                            {"aws_msk": SOURCES["aws_msk"]}},
                     update_mask=mask("ingestion_data_source_settings"))
    assert "aws_kinesis" not in changed.ingestion_data_source_settings
    with pytest.raises(exceptions.InvalidArgument, match="aws_msk.topic"):
        update(topic={"name": name, "ingestion_data_source_settings":
                      {"aws_msk": {**SOURCES["aws_msk"], "topic": ""}}},
               update_mask=mask("ingestion_data_source_settings"))
    shown = google.publisher.get_topic(topic=name)
    assert shown.ingestion_data_source_settings.aws_msk.topic == "t"
    # clients take them away by empty ones, or by the mask alone
    changed = update(topic={"name": name, "ingestion_data_source_settings": {}},
                     update_mask=mask("ingestion_data_source_settings"))
    assert "ingestion_data_source_settings" not in changed
    changed = update(topic={"name": name, "ingestion_data_source_settings":
                            {"cloud_storage": SOURCES["cloud_storage"]}},
                     update_mask=mask("ingestion_data_source_settings"))
    assert "cloud_storage" in changed.ingestion_data_source_settings
    changed = update(topic={"name": name}, update_mask=mask("ingestion_data_source_settings"))
    assert "ingestion_data_source_settings" not in changed


def test_one_field_of_a_source_changes_by_its_path(google):
    name = google.topic(ingestion_data_source_settings={"aws_msk": SOURCES["aws_msk"]})
    path = "ingestion_data_source_settings.aws_msk.topic"
    changed = google.publisher.update_topic(
        topic={"name": name, "ingestion_data_source_settings": {"aws_msk": {"topic": "u"}}},
        update_mask=mask(path))
    shown = changed.ingestion_data_source_settings.aws_msk
    assert (shown.topic, shown.cluster_arn) == ("u", SOURCES["aws_msk"]["cluster_arn"])
    # of a source that is not the topic's: its other fields are missing then
    with pytest.raises(exceptions.InvalidArgument, match="aws_kinesis.consumer_arn"):
        google.publisher.update_topic(
            topic={"name": name, "ingestion_data_source_settings":
                   {"aws_kinesis": {"stream_arn": "arn:aws:kinesis:x"}}},
            update_mask=mask("ingestion_data_source_settings.aws_kinesis.stream_arn"))
    assert "aws_msk" in google.publisher.get_topic(topic=name).ingestion_data_source_settings


def test_rest_has_them_too(google):
    body = {"ingestionDataSourceSettings": {
        "awsKinesis": {"streamArn": "arn:s", "consumerArn": "arn:c", "awsRoleArn": ROLE,
                       "gcpServiceAccount": ACCOUNT},
        "platformLogsSettings": {"severity": "ERROR"}}}
    shown = google.emulator.rest("PUT", "topics/rest-ingestion", body)
    assert shown.status == 200, shown.body
    body["ingestionDataSourceSettings"]["awsKinesis"]["state"] = "ACTIVE"
    for answer in (shown, google.emulator.rest("GET", "topics/rest-ingestion")):
        assert answer.json()["ingestionDataSourceSettings"] == body["ingestionDataSourceSettings"]
    changed = google.emulator.rest("PATCH", "topics/rest-ingestion", {
        "topic": {"ingestionDataSourceSettings": {"cloudStorage": {"bucket": "b-1", "avroFormat": {}}}},
        "updateMask": "ingestionDataSourceSettings"})
    assert changed.json()["ingestionDataSourceSettings"] == {
        "cloudStorage": {"state": "ACTIVE", "bucket": "b-1", "avroFormat": {}}}
    refused = google.emulator.rest("PUT", "topics/rest-ingestion-2", {
        "ingestionDataSourceSettings": {"awsMsk": {"clusterArn": "arn:c"}}})
    assert refused.status == 400
    assert "aws_msk.topic" in refused.json()["error"]["message"]


def test_lenient_keeps_what_googles_emulator_keeps(lenient):
    name = lenient.topic(ingestion_data_source_settings={"aws_kinesis": {"stream_arn": "arn"}})
    shown = lenient.publisher.get_topic(topic=name).ingestion_data_source_settings
    assert shown.aws_kinesis.stream_arn == "arn"
