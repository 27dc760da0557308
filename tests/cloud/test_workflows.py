# SPDX-License-Identifier: Apache-2.0
"""The workflows: right for actionlint and zizmor, pinned, bounded, with no more
rights than they use, and calling make targets that exist."""
import glob
import os
import re

import pytest
import yaml

from conftest import ROOT, read, run, tool

FOLDER = os.path.join(ROOT, ".github", "workflows")
NAMES = sorted(os.path.basename(f) for f in glob.glob(os.path.join(FOLDER, "*.yml")))
TEXTS = {n: read(".github", "workflows", n) for n in NAMES}
FLOWS = {n: yaml.safe_load(t) for n, t in TEXTS.items()}
JOBS = {f"{n}:{j}": job for n, flow in FLOWS.items() for j, job in flow["jobs"].items()}
STEPS = [(name, step) for name, job in JOBS.items() for step in job.get("steps", [])]


def test_all_workflows_are_there():
    assert set(NAMES) == {"ci.yml", "codeql.yml", "dependency-review.yml", "deploy.yml", "release.yml",
                          "scorecard.yml"}


def test_actionlint_finds_nothing():
    assert run(tool("actionlint"), "-no-color") == ""


def test_zizmor_finds_nothing():
    run(tool("zizmor"), "--offline", "--no-progress", "--persona=auditor", ".github")


@pytest.mark.parametrize("name", NAMES)
def test_every_action_is_pinned_to_a_commit(name):
    for used in re.findall(r"uses: (.*)", TEXTS[name]):
        assert used.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


def test_one_action_has_one_pin():
    pins = {}
    for text in TEXTS.values():
        for action, pin in re.findall(r"uses: ([\w.-]+/[\w.-]+)[\w/.-]*@(\S+)", text):
            assert pins.setdefault(action, pin) == pin, action


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_has_no_rights_of_its_own_and_one_queue(name):
    assert FLOWS[name]["permissions"] == {}
    assert "group" in FLOWS[name]["concurrency"]


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_bounded_and_names_its_rights(name):
    job = JOBS[name]
    assert "permissions" in job and job["permissions"] != "write-all"
    if "uses" not in job:
        assert 0 < job["timeout-minutes"] <= 90
        assert not job["runs-on"].endswith("latest")


def test_only_jobs_with_workload_identity_may_ask_for_a_token():
    for name, job in JOBS.items():
        if job["permissions"].get("id-token") == "write" and "steps" in job:
            used = " ".join(s.get("uses", "") for s in job["steps"])
            assert "google-github-actions/auth" in used or "ossf/scorecard-action" in used, name


def test_no_key_lives_in_the_repository():
    for name, text in TEXTS.items():
        assert "credentials_json" not in text and "secrets." not in text, name


def test_checkouts_leave_no_credentials_behind():
    checkouts = [s for _, s in STEPS if s.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) >= 10
    assert all(s["with"]["persist-credentials"] is False for s in checkouts)


def test_steps_only_call_make_targets_that_exist():
    targets = set(re.findall(r"^([a-z-]+)(?=[ a-z-]*:(?!=))", read("Makefile"), re.M))
    for line in re.findall(r"^((?:[a-z-]+ )+[a-z-]+):", read("Makefile"), re.M):
        targets |= set(line.split())
    for name, step in STEPS:
        command = step.get("run", "").strip()
        if command:
            assert re.fullmatch(r'make [a-z-]+( [A-Z]+=[\w"$.-]+)*', command), f"{name}: {command}"
            assert command.split()[1] in targets, command


def test_ci_covers_what_it_promises():
    text = TEXTS["ci.yml"]
    for part in ("make test", "CC=clang", "asan", "tsan", "make fuzz", "make lint-debian", "make terraform-check",
                 "make terraform-local", "make compose-smoke", "scan-action"):
        assert part in text, part


def test_nothing_of_terraform_is_skipped_in_ci():
    for job, command, words in (("test", "make test WERROR=1", {"terraform", "tools"}), ("terraform", "make terraform-local", {"terraform"})):
        steps = JOBS[f"ci.yml:{job}"]["steps"]
        at = next(i for i, s in enumerate(steps) if s.get("run") == command)
        assert set(steps[at]["env"]["DATOS_TEST_MUST"].split()) == words
        assert any(s.get("uses", "").startswith("hashicorp/setup-terraform@") for s in steps[:at])


def test_lint_runs_in_the_container_to_develop_in(tmp_path):
    calls = tmp_path / "calls"
    engine = tmp_path / "engine"
    engine.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{calls}\n', encoding="utf-8")
    engine.chmod(0o755)
    run("make", "lint-debian", f"CONTAINER={engine}")
    built, ran = calls.read_text(encoding="utf-8").splitlines()
    assert built == "build -t datos-dev .devcontainer"
    assert f" -v {ROOT}:/datos " in ran and ran.endswith(" datos-dev make lint WERROR=1")


def test_an_image_is_named_only_after_every_gate():
    order = [s.get("run") or s.get("uses", "").split("@")[0] for n, s in STEPS if n == "release.yml:image"]
    gates = ["make image-push", "make image-repeat", "anchore/scan-action", "make image-sign",
             "actions/attest-build-provenance", "make image-name"]
    assert [o for o in order if o in gates] == gates


def test_a_deploy_is_reviewed_and_goes_back_by_itself():
    job = JOBS["deploy.yml:deploy"]
    assert job["environment"] == "production"
    assert FLOWS["deploy.yml"]["concurrency"]["cancel-in-progress"] is False
    steps = [s for s in job["steps"] if "run" in s]
    assert [s["run"] for s in steps] == ["make deploy-apply", "make deploy-rollout", "make deploy-rollback"]
    assert steps[-1]["if"] == "failure() || cancelled()"
    assert "head.repo.full_name == github.repository" in JOBS["deploy.yml:plan"]["if"]


def test_the_reviewers_see_the_plan_that_is_applied():
    plan, deploy = JOBS["deploy.yml:plan"], JOBS["deploy.yml:deploy"]
    assert "environment" not in plan and "plan" in deploy["needs"]
    assert plan["outputs"]["sum"] == "${{ steps.plan.outputs.sum }}"
    assert [s["id"] for s in plan["steps"] if s.get("run") == "make deploy-plan"] == ["plan"]
    assert deploy["env"]["PLAN_SUM"] == "${{ needs.plan.outputs.sum }}"
    assert plan["env"]["IMAGE"] == deploy["env"]["IMAGE"]


def test_changed_variables_are_delivered_by_hand():
    flow = FLOWS["deploy.yml"]
    assert "workflow_dispatch" in flow[True]  # YAML 1.1 reads `on` so
    assert "github.event_name == 'push'" in JOBS["deploy.yml:release"]["if"]
    assert JOBS["deploy.yml:deploy"]["env"]["IMAGE"].endswith("|| 'running' }}")
    assert "github.ref == 'refs/heads/main'" in JOBS["deploy.yml:plan"]["if"]
    assert flow["concurrency"]["group"].endswith("!= 'pull_request' && 'production' || github.ref }}")


def test_the_deploy_script_is_told_what_it_reads():
    head = read(".github", "scripts", "deploy").split("set -euo")[0]
    for name in JOBS["deploy.yml:deploy"]["env"]:
        assert re.search(rf"\b{name}\b", head), name


def test_dependabot_watches_what_is_pinned():
    updates = yaml.safe_load(read(".github", "dependabot.yml"))["updates"]
    kinds = {u["package-ecosystem"] for u in updates}
    assert {"github-actions", "docker", "docker-compose", "npm", "pip", "gomod", "terraform"} == kinds
    assert all(u["cooldown"]["default-days"] >= 7 for u in updates)
