# SPDX-License-Identifier: Apache-2.0
"""Alerts as policies ask them: each owner is told of its own systems and of no
other, by expressions that promtool runs through the cases of the rules."""
import os
import shutil

import pytest
import yaml

from conftest import ROOT, read, run
from test_rules import ALERTS
from test_terraform import evaluate

CASES = yaml.safe_load(read("terraform", "rules", "datos.rules.test.yml"))["tests"]
OWNERS = {"a": "norte", "b": "sur", "c": "norte"}


def rules(tmp_path, owners):
    """local.rules of a project whose systems have these owners."""
    os.makedirs(tmp_path / "rules")
    shutil.copy(os.path.join(ROOT, "terraform", "rules", "datos.rules.yml"), tmp_path / "rules")
    folder = tmp_path / "modules" / "monitoring"
    os.makedirs(folder)
    systems = {name: {"owner": owner, "critical": False, "service": f"{name}-api", "subscription": f"{name}-datos-subscription"}
               for name, owner in owners.items()}
    return evaluate(folder, ["modules/monitoring/rules.tf", "modules/monitoring/variables.tf"],
                    {"systems": systems, "alert_emails": {}, "runbook_url": "https://example.com"},
                    "{ rules = local.rules, owners = local.owners }")


def test_one_owner_asks_what_the_file_says(tmp_path):
    found = rules(tmp_path, dict.fromkeys(OWNERS, "norte"))["rules"]
    assert {r["alert"]: r["expr"] for r in found.values()} == {name: r["expr"].strip() for name, r in ALERTS.items()}


def test_without_systems_nothing_is_asked(tmp_path):
    assert rules(tmp_path, {}) == {"rules": {}, "owners": {}}


def test_patterns_name_the_owners_own(tmp_path):
    assert rules(tmp_path, OWNERS)["owners"] == {
        "norte": {"systems": ["a", "c"], "services": "a-api|c-api", "subscriptions": "a-datos-subscription|c-datos-subscription"},
        "sur": {"systems": ["b"], "services": "b-api", "subscriptions": "b-datos-subscription"}}


@pytest.mark.parametrize("owner", sorted(set(OWNERS.values())))
def test_an_owner_is_told_of_its_own_systems_alone(tmp_path, owner):
    """The cases of the rules file, through this owner's expressions: what they
    expect of its systems still fires, and nothing else."""
    found = [r for r in rules(tmp_path, OWNERS)["rules"].values() if r["owner"] == owner]
    assert {r["alert"] for r in found} == set(ALERTS)
    mine = {name for name, o in OWNERS.items() if o == owner}
    (tmp_path / "owner.yml").write_text(yaml.safe_dump({"groups": [{"name": "datos", "rules": [
        {k: r[k] for k in ("alert", "expr", "for", "labels", "annotations")} for r in found]}]}), encoding="utf-8")
    cases, kept, dropped = [], 0, 0
    for case in CASES:
        checks = []
        for check in case["alert_rule_test"]:
            expected = [a for a in check["exp_alerts"] if a["exp_labels"]["system"] in mine]
            kept, dropped = kept + len(expected), dropped + len(check["exp_alerts"]) - len(expected)
            checks.append({**check, "exp_alerts": expected})
        cases.append({**case, "alert_rule_test": checks})
    assert kept and dropped
    (tmp_path / "owner.test.yml").write_text(yaml.safe_dump(
        {"rule_files": ["owner.yml"], "evaluation_interval": "1m", "tests": cases}), encoding="utf-8")
    assert "SUCCESS" in run("promtool", "test", "rules", "owner.test.yml", folder=tmp_path, seconds=400)
