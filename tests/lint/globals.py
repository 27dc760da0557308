#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No global mutable state: lists writable data symbols of the objects in a
build folder that tests/lint/globals.txt does not name with a reason.
Usage: globals.py BUILD/VARIANT"""
import os
import re
import subprocess
import sys

WRITABLE = (".data", ".bss", ".tdata", ".tbss")


def allowed():
    path = os.path.join(os.path.dirname(__file__), "globals.txt")
    with open(path, encoding="utf-8") as f:
        return [line.split()[:2] for line in f
                if line.strip() and not line.startswith("#")]


def main():
    top, rules, bad = sys.argv[1], allowed(), []
    objects = [os.path.join(d, name) for part in ("src", "cache", "emulator")
               for d, _, names in os.walk(os.path.join(top, part))
               for name in names if name.endswith(".o")]
    if not objects:
        sys.exit(f"globals.py: no objects under {top}")
    out = subprocess.run(["nm", "--format=sysv", "-A", *objects], check=True,
                         capture_output=True, text=True).stdout
    for line in out.split("\n"):
        cells = [c.strip() for c in line.split("|")]
        if len(cells) < 7:
            continue
        path, _, symbol = cells[0].rpartition(":")
        section = cells[6]
        if not section.startswith(WRITABLE) or section.startswith(".data.rel.ro"):
            continue
        if not symbol or symbol.startswith("."):
            continue
        source = os.path.relpath(path, top)[:-2] + ".c"
        name = re.sub(r"\.\d+$", "", symbol)
        if not any(name == s and source.startswith(tuple(f.split(",")))
                   for s, f in rules):
            bad.append(f"{source}: {name} is writable data ({section}): pass a "
                       "context, make it const, or give the reason in "
                       "tests/lint/globals.txt")
    print("\n".join(sorted(set(bad))), end="\n" if bad else "")
    return 1 if bad else 0


sys.exit(main())
