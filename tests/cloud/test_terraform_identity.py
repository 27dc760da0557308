# SPDX-License-Identifier: Apache-2.0
"""Who plans and who applies: every kind of resource that a plan refreshes is
read by a role that the planning identity has."""
import re

from conftest import read
from terraform_files import modules

REVIEWER = "roles/iam.securityReviewer"
# kind of resource (the longest prefix counts): what a refresh of it needs, as
# Google's tables of roles and the provider's reads have it
READERS = {
    "google_artifact_registry_": "roles/artifactregistry.reader",
    "google_bigquery_": "roles/bigquery.metadataViewer",
    "google_billing_budget": "billing account: roles/billing.viewer",
    "google_cloud_run_v2_": "roles/run.viewer",
    "google_compute_": "roles/compute.viewer",
    "google_iam_workload_identity_pool": "roles/iam.workloadIdentityPoolViewer",
    "google_logging_": "roles/logging.viewer",
    "google_monitoring_": "roles/monitoring.viewer",
    "google_project_iam_custom_role": REVIEWER,
    "google_project_service": "roles/serviceusage.serviceUsageConsumer",
    "google_pubsub_": "roles/pubsub.viewer",
    "google_redis_instance": "redis.instances.getAuthString",
    "google_secret_manager_secret": "roles/secretmanager.viewer",
    "google_secret_manager_secret_version": "roles/secretmanager.secretAccessor",
    "google_service_account": REVIEWER,
    "google_service_networking_connection": "servicenetworking.services.get",
    "data.google_project": "roles/browser",
}


def reader_of(kind):
    if kind.endswith("_iam_member"):
        return REVIEWER
    return READERS[max((p for p in READERS if kind.startswith(p)), key=len, default=kind)]


def granted():
    """Roles of the project that the planning identity has, and permissions."""
    delivery = modules()["modules/delivery"].resources
    roles = re.findall(r"roles/[\w.]+", delivery["google_project_iam_member.plans"]["for_each"])
    custom = delivery["google_project_iam_custom_role.plans"]
    beyond = delivery["google_project_iam_member.plans_beyond"]
    assert "google_project_iam_custom_role.plans" in beyond["role"] and "local.reader" in beyond["member"]
    assert "local.reader" in delivery["google_project_iam_member.plans"]["member"]
    return set(roles) | set(custom["permissions"])


def test_the_plan_may_read_every_kind_of_resource():
    lacks = {}
    for folder, module in modules().items():
        if folder == "local":
            continue
        for name in [*module.resources, *("data." + n for n in module.data)]:
            kind = name.rsplit(".", 1)[0]
            need = reader_of(kind)
            if not need.startswith("billing account") and need not in granted():
                lacks[kind] = need
    assert lacks == {}


def test_the_plan_may_change_nothing():
    writers = {g for g in granted() if re.search(r"[aA]dmin|[eE]ditor|[wW]riter|[oO]wner|[uU]pdate|[cC]reate|[dD]elete", g)}
    assert writers == set()


def test_who_applies_may_make_the_custom_role():
    assert "roles/iam.roleAdmin" in modules()[""].variables["apply_roles"]["default"]


def test_the_billing_account_is_granted_by_commands_that_are_written_down():
    page = read("terraform", "README.md")
    for role, member in (("roles/billing.viewer", "plan"), ("roles/billing.costsManager", "apply")):
        assert re.search(rf'billing accounts add-iam-policy-binding ACCOUNT --member "\$\(who {member}\)" --role {role}$', page, re.M)
    assert {"plan", "apply"} <= set(modules()["modules/delivery"].outputs["members"]["value"])
