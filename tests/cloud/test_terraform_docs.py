# SPDX-License-Identifier: Apache-2.0
"""terraform/README.md and RUNBOOK.md say what is so: commands, variables, alert
names and the diagram lead to things that exist."""
import os
import re

import pytest
import yaml

import datos
from conftest import ROOT, read, run
from terraform_files import modules

README = read("terraform", "README.md")
PAGES = {"README.md": README, "RUNBOOK.md": read("terraform", "RUNBOOK.md")}
GROUPS = yaml.safe_load(read("terraform", "rules", "datos.rules.yml"))["groups"]
ALERTS = {r["alert"] for g in GROUPS for r in g["rules"] if "alert" in r}


def test_the_drawing_shows_what_the_diagram_says():
    diagram = re.search(r"```mermaid\n(.*?)```", README, re.S).group(1)
    svg = read("terraform", "architecture.svg")
    drawn = re.sub(r"\s+", "", "".join(re.findall(r">([^<>]+)<", re.sub(r"<style.*?</style>", "", svg, flags=re.S))))
    words = [w for label in re.findall(r'"([^"]+)"', diagram) for part in label.split("<br/>") for w in part.split()]
    assert len(words) > 60
    missing = sorted({w for w in words if w not in drawn})
    assert missing == [], "render it again: mmdc -i diagram -o terraform/architecture.svg"


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page):
    rules = re.findall(r"^([a-z-]+(?: [a-z-]+)*):", read("Makefile"), re.M)
    targets = {t for rule in rules for t in rule.split()}
    named = set(re.findall(r"(?:`|\$ )make ([a-z][a-z-]+)", PAGES[page]))
    assert named <= targets, named - targets


def test_alerts_exist():
    ours = re.findall(r'display_name\s+= "((?:Datos|PubSub|CloudRun)\w+) \(', read("terraform", "modules", "monitoring", "alerts.tf"))
    assert len(ours) == 4
    for page, text in PAGES.items():
        named = set(re.findall(r"`(Datos[A-Z]\w+)`", text))
        assert named <= ALERTS | set(ours), f"{page}: {named - ALERTS - set(ours)}"


def test_the_example_sets_variables_that_exist():
    example = re.search(r"```hcl\n(.*?)```", README, re.S).group(1)
    names = set(re.findall(r"^ *([a-z_]+) +=", example, re.M))
    root = modules()[""]
    inner = {"issuer", "audience", "jwks_url"}
    assert names - inner <= set(root.variables)
    required = {v for v, block in root.variables.items() if "default" not in block}
    assert required <= names, "what has no default is in the example"


def test_outputs_exist():
    assert set(re.findall(r"output (?:-raw |-json )?([a-z_]+)", README)) - {"identity"} <= set(modules()[""].outputs)


def test_files_and_folders_exist():
    for path in re.findall(r"^\| `([A-Za-z/.]+)`", README, re.M):
        assert os.path.exists(os.path.join(ROOT, "terraform", path)), path
    for link in re.findall(r"`((?:src|tests|modules|rules)/[A-Za-z0-9_./]+)`", README):
        assert os.path.exists(os.path.join(ROOT, link)) or os.path.exists(os.path.join(ROOT, "terraform", link)), link


def commands(page):
    """What stands in `...` or after $ in a page, a line each."""
    text = re.sub(r"\\\n\s+", "", PAGES[page])
    return re.findall(r"(?:^ *\$ |`)((?:\w+=\S*\$\()?(?:gcloud|datos|gh) [^`\n]+)", text, re.M) + re.findall(r"^ *\$ export \w+=\$\((gcloud [^\n]+)", text, re.M)


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_cloud_run_name_their_region(page):
    asked = [c for c in commands(page) if "gcloud run" in c]
    assert asked
    for command in asked:
        assert "--region" in command, command


def names_made():
    """Names of what the configuration makes, with SYSTEM and PREFIX for what varies."""
    text = "".join(read("terraform", "modules", "system", f) for f in ("run.tf", "doctor.tf", "main.tf"))
    return {n.replace("${var.name}-", "SYSTEM-").replace("${local.prefix}", "PREFIX")
            for n in re.findall(r'"((?:\$\{var\.name\}-|\$\{local\.prefix\})[\w-]+)"', text)}


def test_the_runbook_names_what_is_made():
    made = names_made()
    assert {"SYSTEM-api", "SYSTEM-ingest", "SYSTEM-doctor", "PREFIXdatos-topic"} <= made
    named = set(re.findall(r"\b((?:SYSTEM-|PREFIX)[a-z][\w-]*)", PAGES["RUNBOOK.md"]))
    assert len(named) >= 6 and named <= made, named - made
    assert not re.search(r"(?<!PREFIX)\bdatos-(topic|subscription|dead-letter)", PAGES["RUNBOOK.md"]), "fifty systems have a prefix"


def test_flags_of_datos_are_its_flags():
    for page in PAGES:
        for command in re.findall(r"`(datos \w+[^`]*)`", PAGES[page]):
            word, flags = command.split()[1], set(re.findall(r"--[a-z-]+", command))
            known = set(re.findall(r"^ +(--[a-z-]+)", run(datos.DATOS, word, "--help"), re.M)) if flags else flags
            assert flags <= known, f"{page}: {command}: {flags - known}"


def test_a_change_that_asks_for_an_apply_says_how_it_serves():
    """Deliveries pin the traffic: an apply alone changes nothing for readers."""
    page = PAGES["RUNBOOK.md"]
    assert "--to-latest" in page and "TF_VAR_image" in page and "gh workflow run deploy.yml" in page
    for section in re.split(r"^## ", page, flags=re.M)[1:]:
        if re.search(r"`api\.(max_instances|cpu)`", section) and "in `var.systems`" in section:
            assert "make the change serve" in section, section.splitlines()[0]
