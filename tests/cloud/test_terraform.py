# SPDX-License-Identifier: Apache-2.0
"""terraform/: parsed, formatted, every reference, variable and argument leads
somewhere, dashboards and topic schema as they come out, policies kept."""
import itertools
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

import datos
import emulator
from conftest import ROOT, absent, read, run, tool
from terraform_files import BUILT_IN, arguments, files, iterators, modules

TERRAFORM = shutil.which("terraform") or shutil.which("tofu")
KNOWN = json.loads(read("tests", "cloud", "arguments.json"))


def needs_terraform():
    return TERRAFORM or absent("terraform", "neither terraform nor tofu here: what a module computes is not evaluated")


# --- the text ---------------------------------------------------------------

def test_every_file_parses():
    assert {path: found["error"] for path, found in files().items() if found.get("error")} == {}


def test_every_file_is_formatted():
    assert [path for path, found in files().items() if not found.get("formatted")] == []


def test_terraform_itself_finds_nothing_to_format():
    run(needs_terraform(), "fmt", "-check", "-recursive", "-diff", folder=os.path.join(ROOT, "terraform"))


def test_names_are_said_once_and_described():
    for folder, m in modules().items():
        text = "".join(read("terraform", path) for path in files() if os.path.dirname(path) == folder)
        for name, v in m.variables.items():
            assert v.get("description") and v.get("type"), f"{folder}: variable {name} without description or type"
            assert re.search(rf"\bvar\.{name}\b", text), f"{folder}: variable {name} is never used"
        for name, o in m.outputs.items():
            assert o.get("description"), f"{folder}: output {name} without a description"
        for name in m.locals:
            assert re.search(rf"\blocal\.{name}\b", text), f"{folder}: local {name} is never used"


def missing_in(module, value, bound):
    """Why a reference leads nowhere, or None."""
    first, *rest = value.split(".")
    if first in bound or not rest:
        return None
    if first == "var" and rest[0] not in module.variables:
        return "no such variable"
    if first == "local" and rest[0] not in module.locals:
        return "no such local"
    if first == "module":
        if rest[0] not in module.calls:
            return "no such module"
        callee = modules()[module.callee(module.calls[rest[0]])]
        if len(rest) > 1 and not rest[1].isdigit() and rest[1] not in callee.outputs:
            return f"{callee.folder} has no such output"
    if first == "data" and ".".join(rest[:2]) not in module.data:
        return "no such data source"
    if first not in BUILT_IN and f"{first}.{rest[0]}" not in module.resources:
        return "no such resource"
    return None


def test_every_reference_leads_somewhere():
    n, lost = 0, []
    for module in modules().values():
        bound = iterators(list(module.resources.values()))
        for path, at, value in module.references:
            why = missing_in(module, value, bound)
            n += 1
            if why:
                lost.append(f"{path} {at}: {value}: {why}")
    assert lost == []
    assert n > 400


def test_the_check_of_references_sees_what_is_lost():
    root = modules()[""]
    for value in ("var.regoin", "local.nothing", "module.nothing.url", "module.edge.nothing", "data.google_project.that",
                  "google_compute_network.other.id"):
        assert missing_in(root, value, set()), value


def test_module_calls_fit_the_variables():
    for module in modules().values():
        for name, call in module.calls.items():
            callee = modules()[module.callee(call)]
            given = set(call) - {"source", "for_each", "count", "depends_on", "providers", "version"}
            assert given <= set(callee.variables), f"{module.folder or 'root'}: module {name}"
            required = {v for v, block in callee.variables.items() if "default" not in block}
            assert required <= given, f"{module.folder or 'root'}: module {name} lacks {required - given}"


def test_resources_set_only_arguments_that_the_provider_takes():
    """arguments.json is what provider 7.45 accepted (terraform validate). A new
    argument: validate it, then add it there."""
    used, unknown = 0, []
    for module in modules().values():
        for name, block in itertools.chain(module.resources.items(), (("data." + k, v) for k, v in module.data.items())):
            type_ = name.rsplit(".", 1)[0]
            known = KNOWN.get(type_, {"required": [], "others": []})
            given = set(arguments(block))
            used += len(given)
            unknown += [f"{module.folder}: {name}: {a}" for a in given - set(known["required"]) - set(known["others"])]
            unknown += [f"{module.folder}: {name} lacks {a}" for a in set(known["required"]) - given]
    assert unknown == []
    assert used > 400


def test_one_provider_version_everywhere():
    wanted = {json.dumps(block["required_providers"]) for path, found in files().items()
              for block in found["content"].get("terraform", []) if "required_providers" in block}
    assert len(wanted) == 1
    assert "~> 7.45" in wanted.pop(), "one major: a plan and its apply never take different ones"


def test_the_provider_accepts_it_all(tmp_path):
    """The provider's own word, wherever it can be had."""
    shutil.copytree(os.path.join(ROOT, "terraform"), tmp_path / "terraform")
    os.makedirs(tmp_path / "src" / "schema")
    shutil.copy(os.path.join(ROOT, "src", "schema", "datos.json"), tmp_path / "src" / "schema")
    for folder in ("terraform", "terraform/local"):
        init = subprocess.run([needs_terraform(), "init", "-backend=false", "-no-color"], cwd=tmp_path / folder, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False)
        if init.returncode:
            absent("terraform", "the Google provider cannot be had here: arguments were compared with arguments.json only")
        run(TERRAFORM, "validate", "-no-color", folder=tmp_path / folder)


# --- what modules compute -----------------------------------------------------

def evaluate(tmp_path, sources, variables, expression):
    """An expression in a folder of files without resources: no provider."""
    for path in sources:
        shutil.copy(os.path.join(ROOT, "terraform", path), tmp_path)
    (tmp_path / "terraform.tfvars.json").write_text(json.dumps(variables), encoding="utf-8")
    done = subprocess.run([needs_terraform(), "console", "-no-color"], cwd=tmp_path, input=f"jsonencode({expression})\n", timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith('"'), done.stdout + done.stderr
    return json.loads(json.loads(done.stdout))


SYSTEMS = {f"sistema-{i:02d}": {"owner": "datos", "critical": i < 3, "service": f"sistema-{i:02d}-api",
                                "subscription": f"sistema-{i:02d}-datos-subscription"} for i in range(50)}


def dashboards(tmp_path, systems):
    """Every page as JSON, by its title."""
    found = evaluate(tmp_path, ["modules/monitoring/charts.tf", "modules/monitoring/variables.tf"],
                     {"systems": systems, "alert_emails": {}, "runbook_url": "https://example.com"},
                     "concat([local.global_page], values(local.system_pages))")
    return {page["displayName"]: page for page in found}


def queries(page):
    for tile in page["mosaicLayout"]["tiles"]:
        (kind,) = set(tile["widget"]) - {"title"}
        for data in tile["widget"][kind]["dataSets"]:
            yield data["timeSeriesQuery"]["prometheusQuery"]


def test_dashboards_of_fifty_systems(tmp_path):
    pages = dashboards(tmp_path, SYSTEMS)
    assert len(pages) == 51
    every = pages["datos: all 50 systems"]
    titles = [t["widget"]["title"] for t in every["mosaicLayout"]["tiles"]]
    assert "Critical" in titles[0], "the critical systems come first"
    for word in ("Worst ten", "Errors compared", "Balance", "by region", "All systems"):
        assert any(word in t for t in titles), word
    assert 'system=~"sistema-00|sistema-01|sistema-02"' in next(queries(every))
    for page in pages.values():
        taken = set()
        for tile in page["mosaicLayout"]["tiles"]:
            assert tile["xPos"] + tile["width"] <= page["mosaicLayout"]["columns"]
            cells = {(x, y) for x in range(tile["xPos"], tile["xPos"] + tile["width"])
                     for y in range(tile["yPos"], tile["yPos"] + tile["height"])}
            assert not cells & taken, f"{tile['widget']['title']} lies upon another"
            taken |= cells
    for name, page in pages.items():
        if page is not every:
            system = name.removeprefix("datos: ")
            assert all(f'system="{system}"' in q and "SYSTEM" not in q for q in queries(page))
            shown = " ".join(t["widget"]["title"] for t in page["mosaicLayout"]["tiles"])
            for word in ("Messages stored", "Ingest errors", "GET /datos: mean, percentiles, max", "GET /health", "CPU", "Memory"):
                assert word in shown, f"the reference's metrics are on each page: {word}"


def test_every_query_of_a_dashboard_is_promql(tmp_path):
    pages = dashboards(tmp_path, dict(list(SYSTEMS.items())[:2]))
    every = sorted({q for page in pages.values() for q in queries(page)})
    assert len(every) > 30
    rules = tmp_path / "queries.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "q", "rules": [
        {"record": f"q:{i}", "expr": q} for i, q in enumerate(every)]}]}), encoding="utf-8")
    run("promtool", "check", "rules", str(rules))
    written = set(re.findall(r'"(datos_[a-z_]+)"', read("src", "common", "metrics.def")))
    asked = {re.sub("_(bucket|count|sum)$", "", s) for q in every for s in re.findall(r"\bdatos_[a-z_]+", q)}
    assert asked <= written


REFERENCE = {"id": "123", "contenido": "Este es un mensaje de prueba", "timestamp": "2025-01-14T10:00:00Z"}


def topic_schema(tmp_path, schema=os.path.join(ROOT, "src", "schema", "datos.json")):
    return evaluate(tmp_path, ["modules/data/schema.tf", "modules/data/variables.tf"],
                    {"name": "uno", "location": "US", "schema_file": schema, "pubsub_agent": "serviceAccount:x"},
                    "local.proto_definition")


@pytest.mark.parametrize("change, taken", [
    ({}, True), ({"contenido": None}, True), ({"contenido": ...}, True), ({"id": 5}, False), ({"otro": "x"}, False),
    ({"contenido": {"string": "x"}}, False)])
def test_the_topic_schema_takes_the_references_message(tmp_path, change, taken):
    definition = topic_schema(tmp_path)
    message = {k: v for k, v in {**REFERENCE, **change}.items() if v is not ...}
    e = emulator.Emulator()
    try:
        assert e.rest("POST", "schemas?schemaId=message", {"type": "PROTOCOL_BUFFER", "definition": definition}).status == 200
        assert e.rest("PUT", "topics/checked", {"schemaSettings": {
            "schema": f"projects/{emulator.PROJECT}/schemas/message", "encoding": "JSON"}}).status == 200
        answer = e.rest("POST", "topics/checked:publish", {"messages": [{"data": emulator_data(message)}]})
        assert (answer.status == 200) == taken, answer.body
    finally:
        assert e.stop() == 0


def emulator_data(message):
    import base64
    return base64.b64encode(json.dumps(message).encode()).decode()


def test_the_topic_schema_follows_the_one_schema_file(tmp_path):
    from test_provider_calls import PROTO
    assert topic_schema(tmp_path) == PROTO, "the replay sends what Terraform would"
    columns = json.loads(read("src", "schema", "datos.json")) + [
        {"name": "peso", "type": "FLOAT64"}, {"name": "etiquetas", "type": "STRING", "mode": "REPEATED"}]
    wider = tmp_path / "wider.json"
    wider.write_text(json.dumps(columns), encoding="utf-8")
    text = topic_schema(tmp_path, str(wider))
    assert "optional double peso = 4;" in text and "repeated string etiquetas = 5;" in text


# --- what fifty systems cannot be named ----------------------------------------

@pytest.mark.parametrize("variables, word", [
    ({"systems": {"Uno": {}}}, "3 to 20 lower-case"),
    ({"systems": {"a-name-of-more-than-twenty": {}}}, "3 to 20 lower-case"),
    ({"systems": {"uno": {"plain_names": True}, "dos": {"plain_names": True}}}, "Only one system"),
    ({"systems": {"uno": {"owner": "Equipo Norte"}}}, "owner is a label"),
    ({"systems": {"candidate-uno": {}}}, "hosts that a new revision is tried on"),
    ({"systems": {"uno": {"api": {"min_instances": 0}}}}, "api.min_instances is 1 at least"),
    ({"systems": {"uno": {"api": {"min_instances": 3, "max_instances": 2}}}}, "max_instances no less"),
    ({"runbook_url": "runbook"}, "runbook_url is https"),
])
def test_wrong_variables_are_told_in_a_sentence(tmp_path, variables, word):
    given = {"project": "p", "environment": "e", "state_bucket": "b", "auth": {"mode": "none"},
             "runbook_url": "https://example.com/RUNBOOK.md", **variables}
    shutil.copy(os.path.join(ROOT, "terraform", "variables.tf"), tmp_path)
    (tmp_path / "terraform.tfvars.json").write_text(json.dumps(given), encoding="utf-8")
    done = subprocess.run([needs_terraform(), "plan", "-no-color", "-input=false"], cwd=tmp_path, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 1 and word in re.sub(r"\s+", " ", done.stdout.replace("│", " ")), done.stdout


# --- what must not be skipped ---------------------------------------------------

@pytest.mark.parametrize("must, code", [("terraform tools", 1), ("tools", 0), ("", 0)])
def test_a_skip_for_want_of_terraform_fails_where_it_was_meant_to_be(must, code):
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k",
                           "test_terraform_itself_finds_nothing_to_format"], timeout=120, text=True, check=False, cwd=ROOT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "PATH": "/nowhere", "DATOS_TEST_MUST": must})
    assert done.returncode == code, done.stdout
    assert ("DATOS_TEST_MUST names terraform" in done.stdout) == bool(code)


def test_the_local_apply_is_not_replayed_where_terraform_was_meant_to_be(tmp_path):
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(shutil.which(name))
    done = subprocess.run([os.path.join(ROOT, "terraform", "local", "run")], timeout=60, text=True, check=False, capture_output=True,
                          stdin=subprocess.DEVNULL, env={"PATH": str(tmp_path), "DATOS_TEST_MUST": "terraform"})
    assert done.returncode == 1 and "nothing is replayed" in done.stderr
    assert "REPLAYING" not in done.stdout


# --- policies --------------------------------------------------------------------

def test_checkov_finds_nothing_without_a_written_reason():
    text = run(tool("checkov"), "-d", "terraform", "--framework", "terraform", "--quiet", "--compact", "--skip-download",
               "-o", "json", seconds=300)
    found = json.loads(text[text.index("{"):])
    assert found["summary"]["failed"] == 0
    assert found["summary"]["passed"] > 100
    assert found["summary"]["parsing_errors"] == 0


def test_every_exception_has_its_reason():
    exceptions = [line.strip() for path in files() for line in read("terraform", path).splitlines() if "checkov:skip" in line]
    assert exceptions
    for line in exceptions:
        assert re.fullmatch(r"#checkov:skip=CKV2?_GCP_\d+:\S.{7,}", line), line


def test_no_policy_is_excepted_at_a_distance():
    for path in (".checkov.yml", ".checkov.yaml", "terraform/.checkov.yml", "terraform/.checkov.yaml"):
        assert not os.path.exists(os.path.join(ROOT, path))


# --- what it tells the programs ---------------------------------------------------

def program_settings():
    return set(re.findall(r'"(DATOS_[A-Z_]+|PORT|REDIS_URL|GOOGLE_CLOUD_PROJECT)"', read("src", "config", "settings.def"))) | {"DATOS_CLOUD"}


def test_every_variable_of_a_container_is_a_setting():
    text = read("terraform", "modules", "system", "main.tf") + read("terraform", "modules", "system", "run.tf")
    told = set(re.findall(r"\b(DATOS_[A-Z_]+|REDIS_URL|GOOGLE_CLOUD_PROJECT)\b", text))
    assert len(told) > 15
    assert told <= program_settings()


def test_the_program_accepts_what_the_service_is_told():
    """As Cloud Run starts it: the values of a plan, without the network."""
    text = read("terraform", "modules", "system", "main.tf")
    given = {name: "1" for name in re.findall(r"^ +(DATOS_[A-Z_]+) +=", text, re.M)}
    given.update({
        "K_SERVICE": "uno-api", "PORT": "8080", "GOOGLE_CLOUD_PROJECT": "p", "DATOS_AUTH": "jwt", "DATOS_JWT_ISSUER": "https://i",
        "DATOS_JWT_JWKS_URL": "https://i/k", "DATOS_INGEST": "push", "DATOS_ADMIN_PORT": "9091", "DATOS_CLOUD": "1", "DATOS_CACHE_CHECK_MS": "300000", "DATOS_BIGQUERY_MAX_BYTES_BILLED": str(100 << 30),
        "DATOS_PUSH_SERVICE_ACCOUNT": "uno-push@p.iam.gserviceaccount.com", "REDIS_URL": "redis://default:secret@10.0.0.3:6379/0"})
    shown = run("env", "-i", *(f"{k}={v}" for k, v in given.items()), datos.DATOS, "config")
    assert "DATOS_ADMIN_PORT" in shown and "secret" not in shown, "the password of Redis is masked"
