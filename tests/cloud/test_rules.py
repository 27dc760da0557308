# SPDX-License-Identifier: Apache-2.0
"""The one rules file: right for Prometheus, proven to fire and to stay silent,
about series that the programs write, each alert with its runbook section."""
import os
import re

import pytest
import yaml

from conftest import ROOT, read, run

RULES = os.path.join(ROOT, "terraform", "rules")
GROUPS = yaml.safe_load(read("terraform", "rules", "datos.rules.yml"))["groups"]
ALERTS = {r["alert"]: r for g in GROUPS for r in g["rules"] if "alert" in r}
RECORDS = {r["record"] for g in GROUPS for r in g["rules"] if "record" in r}
TESTS = ("datos.rules.test.yml", "datos.rules.week.test.yml")
CASES = [c for f in TESTS for c in yaml.safe_load(read("terraform", "rules", f))["tests"]]


def anchors(markdown):
    """The anchors of headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", markdown, re.M)
    return {re.sub(r"[^\w -]", "", t.strip().lower()).replace(" ", "-") for t in titles}


def test_promtool_accepts_the_rules():
    assert "SUCCESS" in run("promtool", "check", "rules", "datos.rules.yml", folder=RULES)


def test_promtool_accepts_the_configuration():
    run("promtool", "check", "config", "--syntax-only", "prometheus.yml", folder=RULES)


def test_every_case_of_the_rules_holds():
    assert run("promtool", "test", "rules", *TESTS, folder=RULES, seconds=400).count("SUCCESS") == len(TESTS)


def systems_of(case):
    found = (re.search(r'system="([^"]*)"', s["series"]) for s in case["input_series"])
    return {m.group(1) for m in found if m}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_shown_to_fire_and_to_stay_silent(alert):
    fires = silent = False
    for case in CASES:
        for check in case.get("alert_rule_test", []):
            if check["alertname"] != alert:
                continue
            told = {a["exp_labels"]["system"] for a in check["exp_alerts"]}
            fires |= bool(told)
            silent |= bool(systems_of(case) - told)
    assert fires, f"no case makes {alert} fire"
    assert silent, f"no case has a system about which {alert} stays silent"


def test_cases_name_alerts_that_exist():
    named = {c["alertname"] for case in CASES for c in case.get("alert_rule_test", [])}
    assert named <= set(ALERTS)


def written_series():
    """What `datos` writes: its table of metrics, and the process's own."""
    table = re.findall(r'METRIC\(\w+, (\w+), "([a-z_]+)"', read("src", "common", "metrics.def"))
    assert table
    for kind, name in table:
        yield from (name + s for s in ("_bucket", "_count", "_sum")) if kind == "HISTOGRAM" else (name,)
    yield from ("process_cpu_seconds_total", "process_resident_memory_bytes")


def series_in(text):
    return set(re.findall(r"\b((?:datos|process)_[a-z_]+)\b(?=[{\[)]| offset| \*|$| [><=])", text))


def test_rules_speak_of_series_that_are_written():
    asked = set().union(*(series_in(r["expr"]) for g in GROUPS for r in g["rules"]))
    assert asked
    assert asked - set(written_series()) == set()


def test_dashboards_speak_of_series_that_are_written():
    asked = series_in(read("terraform", "modules", "monitoring", "charts.tf"))
    assert len(asked) > 8
    assert asked - set(written_series()) == set()


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_a_person_needs(alert):
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert "{{ $labels.system }}" in rule["annotations"]["summary"]
    assert rule["annotations"]["runbook"] in anchors(read("terraform", "RUNBOOK.md"))
    for record in RECORDS:
        assert record not in rule["expr"], "Cloud Monitoring knows no recording rules"


def test_links_of_terraforms_own_alerts_lead_to_a_section():
    text = read("terraform", "modules", "monitoring", "alerts.tf") + read("terraform", "modules", "monitoring", "slo.tf")
    links = re.findall(r"runbook_url\}#([a-z-]+)", text)
    assert len(links) >= 4
    assert set(links) <= anchors(read("terraform", "RUNBOOK.md"))


def test_every_runbook_section_tells_symptom_question_and_action():
    sections = re.split(r"^## ", read("terraform", "RUNBOOK.md"), flags=re.M)[1:]
    linked = {r["annotations"]["runbook"] for r in ALERTS.values()}
    assert {s.splitlines()[0] for s in sections} >= linked
    for section in sections:
        assert "**Symptom.**" in section and "**Do.**" in section, section.splitlines()[0]


def test_every_duration_of_an_alert_is_one_that_terraform_translates():
    table = re.search(r"duration\s+= \{([^}]*)\}\[each.value.for\]", read("terraform", "modules", "monitoring", "alerts.tf"))
    known = dict(re.findall(r'"(\w+)" = "(\d+s)"', table.group(1)))
    assert {r["for"] for r in ALERTS.values()} <= set(known)
    unit = {"m": 60, "h": 3600}
    for text, seconds in known.items():
        assert int(text[:-1]) * unit[text[-1]] == int(seconds[:-1])
