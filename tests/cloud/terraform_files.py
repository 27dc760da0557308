# SPDX-License-Identifier: Apache-2.0
"""terraform/ as data: what each module declares, refers to and sets, read by
hcl.js (HCL's own parser as WebAssembly), with no terraform and no provider."""
import functools
import glob
import json
import os
import re
import subprocess

import pytest

import datos
from conftest import ROOT

NODE_MODULES = os.path.join(datos.BUILD, "cloud", "node", "node_modules")
# what may stand before the first dot and is no resource
BUILT_IN = {"each", "count", "path", "self", "terraform", "var", "local", "module", "data"}
META = {"count", "for_each", "provider", "depends_on", "lifecycle", "dynamic"}


@functools.cache
def files():
    """{path below terraform/: {content, formatted, references}}"""
    if not os.path.isdir(os.path.join(NODE_MODULES, "@cdktn")):
        pytest.skip(f"@cdktn/hcl2json could not be fetched: see {datos.BUILD}/cloud-node.log")
    paths = sorted(glob.glob(os.path.join(ROOT, "terraform", "**", "*.tf"), recursive=True))
    assert len(paths) > 20
    done = subprocess.run(["node", os.path.join(ROOT, "tests", "cloud", "hcl.js"), *paths], timeout=120, check=False,
                          env={**os.environ, "NODE_PATH": NODE_MODULES}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
    return {os.path.relpath(path, os.path.join(ROOT, "terraform")): found
            for path, found in json.loads(done.stdout).items()}


class Module:
    """One folder of configuration."""

    def __init__(self, folder):
        self.folder = folder
        self.variables, self.locals, self.outputs, self.calls = {}, {}, {}, {}
        self.resources, self.data, self.references = {}, {}, []
        for path, found in files().items():
            if os.path.dirname(path) != folder or found.get("error"):
                continue
            content = found["content"]
            self.references += [(path, r["at"], r["value"]) for r in found["references"]]
            for name, (block,) in content.get("variable", {}).items():
                self.variables[name] = block
            for name, (block,) in content.get("output", {}).items():
                self.outputs[name] = block
            for name, (block,) in content.get("module", {}).items():
                self.calls[name] = block
            for block in content.get("locals", []):
                self.locals.update(block)
            for kind, into in (("resource", self.resources), ("data", self.data)):
                for type_, named in content.get(kind, {}).items():
                    for name, (block,) in named.items():
                        into[f"{type_}.{name}"] = block

    def callee(self, call):
        return os.path.normpath(os.path.join(self.folder, call["source"]))


@functools.cache
def modules():
    return {folder: Module(folder) for folder in {os.path.dirname(p) for p in files()}}


def iterators(block, found=None):
    """Names that dynamic blocks bind."""
    found = set() if found is None else found
    if isinstance(block, dict):
        for name, blocks in block.get("dynamic", {}).items():
            found.update(b.get("iterator", name) for b in blocks)
        for child in block.values():
            iterators(child, found)
    elif isinstance(block, list):
        for child in block:
            iterators(child, found)
    return found


def arguments(block, prefix=""):
    """Paths of what a resource sets: `template.containers.env.name`. An object
    written as an argument (labels, a map) is one path."""
    for name, value in block.items():
        if name in META and not prefix:
            if name != "dynamic":
                continue
        if name == "dynamic":
            for inner, blocks in value.items():
                for b in blocks:
                    for content in b["content"]:
                        yield from arguments(content, prefix + inner + ".")
        elif isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
            for v in value:
                if not v:
                    yield prefix + name
                yield from arguments(v, prefix + name + ".")
        else:
            yield prefix + name


def simple(type_text):
    return re.sub(r"\s+", " ", str(type_text))
