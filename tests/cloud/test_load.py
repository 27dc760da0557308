# SPDX-License-Identifier: Apache-2.0
"""The load test in a short form: Locust's users against a whole system, with a
report; and the verdict's own judgement."""
import json
import os
import shutil

import pytest

import datos
from conftest import ROOT, run

VERDICT = os.path.join(ROOT, "tests", "load", "verdict.py")


def test_the_short_form_fails_no_request_and_leaves_a_report(tmp_path):
    for program, package in (("locust", "python3-locust"), ("nginx", "nginx-light")):
        if not shutil.which(program):
            pytest.skip(f"no {program} here (apt-get install {package}): make load was not tried")
    build = tmp_path / "build"
    build.mkdir()
    (build / "release").symlink_to(os.path.join(datos.BUILD, "release"))
    clean = {k: v for k, v in datos.clean_environment().items() if not k.startswith("LOAD_")}
    out = run("env", "-i", *(f"{k}={v}" for k, v in clean.items()), f"BUILD={build}", "LOAD_SECONDS=6", "LOAD_USERS=20",
              os.path.join(ROOT, "tests", "load", "run"), seconds=90)
    assert "MISSED" not in out and "no request fails" in out
    result = json.loads((build / "load" / "result.json").read_text(encoding="utf-8"))
    assert set(result) == {"GET /datos", "POST /datos", "floor"}
    assert result["GET /datos"]["n"] > result["POST /datos"]["n"] > 0
    assert result["floor"]["n"] > 0 and not any(r["failures"] for r in result.values())
    assert "GET /datos" in (build / "load" / "report.html").read_text(encoding="utf-8")


def row(p95, failures=()):
    return {"n": 100, "mean": 1, "max": 9, "p50": 1, "p95": p95, "p99": 5, "failures": list(failures)}


@pytest.mark.parametrize("get, post, failures, seconds, missed", [
    (1.9, 20, [], 120, None),
    (2.1, 20, [], 120, "GET p95"),
    (1.9, 25, [], 120, "POST p95"),
    (1.9, 20, ["405 no"], 120, "no request fails"),
    (9.0, 99, [], 10, None),
    (9.0, 99, ["405 no"], 10, "no request fails"),
])
def test_the_verdict(tmp_path, capsys, get, post, failures, seconds, missed):
    import importlib.util
    spec = importlib.util.spec_from_file_location("verdict", VERDICT)
    verdict = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(verdict)
    file = tmp_path / "result.json"
    file.write_text(json.dumps({"GET /datos": row(get), "POST /datos": row(post, failures), "floor": row(1.0)}))
    code = verdict.main(str(file), seconds)
    told = [line for line in capsys.readouterr().out.splitlines() if line.endswith("MISSED")]
    assert code == (1 if missed else 0)
    assert len(told) == (1 if missed else 0) and all(missed in line for line in told)
