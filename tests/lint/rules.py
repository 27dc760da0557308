#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that no off-the-shelf tool checks: layers, wrapped libraries,
sizes, banned calls, leftovers, first lines. One line a finding; exit 1 if any.
Usage: rules.py FILE..., from the top of the tree."""
import os
import re
import sys

MAX_C, MAX_H, MAX_FUNCTION, MAX_PARAMETERS = 600, 220, 80, 8
MAX_TEST = 900  # a table of cases is long and reads well
BANNED = re.compile(r"\b(sprintf|vsprintf|strcpy|strcat|strtok|atoi|atol|gets|"
                    r"gmtime|localtime|system|tmpnam|mktemp)\s*\(")
HEAP = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|free|strdup|strndup)\s*\(")
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
findings = []


def say(path, line, text):
    findings.append(f"{path}:{line}: {text}")


def rows(name):
    path = os.path.join(os.path.dirname(__file__), name)
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                left, right = line.split(":", 1)
                yield left.strip(), right.split()


def strip(text):
    """Comments and strings blanked, lines kept."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group()), text,
                  flags=re.S)


def module_of(path, modules):
    folder = os.path.dirname(path)
    while folder and folder not in modules:
        folder = os.path.dirname(folder)
    return folder


def check_includes(path, lines, layers, libraries):
    module = module_of(path, layers)
    for number, line in enumerate(lines, 1):
        m = INCLUDE.match(line)
        if not m:
            continue
        kind, name = m.groups()
        if kind == "<":
            for prefix, allowed in libraries.items():
                if name.startswith(prefix) and not path.startswith(tuple(allowed)):
                    say(path, number, f"<{name}> belongs to {' '.join(allowed)}")
            continue
        for target in (name, "src/" + name):
            if os.path.exists(target):
                other = module_of(target, layers)
                if module and other != module and other not in layers[module]:
                    say(path, number, f"{module} may not include {other} "
                        "(tests/lint/layers.txt)")
                break


def parameters(signature):
    depth = count = 0
    inner = signature[signature.find("("):]
    for c in inner:
        depth += (c == "(") - (c == ")")
        count += c == "," and depth == 1
        if depth == 0:
            break
    return count + 1


def check_sizes(path, text):
    lines = text.split("\n")
    limit = MAX_H if path.endswith(".h") else MAX_C
    if path.startswith("tests/"):
        limit = MAX_TEST
    if len(lines) - 1 > limit:
        say(path, limit, f"{len(lines) - 1} lines, at most {limit}")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start, head = number, number - 2
            while head >= 0 and lines[head] and lines[head][0] not in "}#;":
                head -= 1
            signature = " ".join(lines[head + 1:number - 1])
            if parameters(signature) > MAX_PARAMETERS:
                say(path, number, f"more than {MAX_PARAMETERS} parameters")
        elif line == "}" and start:
            if number - start + 1 > MAX_FUNCTION:
                say(path, start, f"function of {number - start + 1} lines, at "
                    f"most {MAX_FUNCTION}")
            start = None


def check_file(path, layers, libraries):
    with open(path, encoding="utf-8") as f:
        raw = f.read()
    for number, line in enumerate(raw.split("\n"), 1):
        if LEFTOVER.search(line):
            say(path, number, "a leftover note: do it, or file it")
    if not path.endswith((".c", ".h")):
        return
    text = strip(raw)
    is_test = path.startswith("tests/")
    if "SPDX-License-Identifier: Apache-2.0" not in raw.split("\n", 1)[0]:
        if not is_test or "SPDX" not in raw[:400]:
            say(path, 1, "the first line names the licence (SPDX)")
    for number, line in enumerate(text.split("\n"), 1):
        m = BANNED.search(line)
        if m and not is_test:
            say(path, number, f"{m.group(1)} is banned (CONTRIBUTING.md)")
        m = HEAP.search(line)
        if m and not is_test and path != "src/common/mem.c":
            say(path, number, f"{m.group(1)}: the heap's door is common/mem.h")
    check_sizes(path, text)
    if not is_test:
        check_includes(path, raw.split("\n"), layers, libraries)


def main():
    layers, libraries = dict(rows("layers.txt")), dict(rows("libraries.txt"))
    for path in sys.argv[1:]:
        if path != "tests/lint/rules.py":
            check_file(path, layers, libraries)
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


sys.exit(main())
