# SPDX-License-Identifier: Apache-2.0
"""The images' contents without an engine: what src/image-root lays out is the
production image, so it is weighed, run and compared here; the Dockerfiles are
read for what makes them safe."""
import hashlib
import os
import re
import shutil
import subprocess

import datos
import pytest

from conftest import ROOT, read, run, tool

PROGRAM = os.path.join(datos.BUILD, "release", "datos")
FILES = {"datos": ("src", "Dockerfile"), "datos-emulator": ("emulator", "Dockerfile")}
OPENED = ["libcurl.so.4", "libcrypto.so.3"]  # what it maps while it runs
needs_debian = pytest.mark.skipif(not shutil.which("dpkg-query"), reason="needs Debian's dpkg")


@pytest.fixture(scope="module", name="root")
def root_(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("root"))
    run("src/image-root", PROGRAM, folder, *OPENED)
    return folder


def files(root):
    return [os.path.join(d, f) for d, _, names in os.walk(root) for f in names]


@needs_debian
def test_the_production_image_is_small(root):
    size = sum(os.path.getsize(f) for f in files(root))
    assert 1 << 20 < size < 30 << 20, f"{size} bytes"


@needs_debian
def test_it_holds_one_program_and_no_shell(root):
    programs = [os.path.relpath(f, root) for f in files(root) if os.access(f, os.X_OK) and ".so" not in f]
    assert programs == ["usr/local/bin/datos"]


@needs_debian
def test_the_program_runs_with_nothing_but_the_image(root):
    enter = ["unshare", "--user", "--map-root-user", "chroot", root]
    if subprocess.run([*enter, "/usr/local/bin/datos", "version"], capture_output=True, check=False).returncode == 1:
        pytest.skip("no namespace can be made here (unshare --user)")
    version = run(*enter, "/usr/local/bin/datos", "version")
    assert version.startswith("datos ") and re.search(r"libcurl \d", version), version
    # all that the loader maps comes from the image
    assert "not found" not in run(*enter, *loader(root), "--list", "/usr/local/bin/datos")


def loader(root):
    return ["/" + os.path.relpath(f, root) for f in files(root) if os.path.basename(f).startswith("ld-linux")][:1]


@needs_debian
def test_a_scanner_finds_each_librarys_package(root):
    records = os.path.join(root, "var", "lib", "dpkg", "status.d")
    for name in os.listdir(records):
        with open(os.path.join(records, name), encoding="utf-8") as f:
            text = f.read()
        assert text.startswith(f"Package: {name}\n") and re.search("^Version: ", text, re.M)
    assert {"libc6", "libcurl4", "libssl3", "libsqlite3-0", "ca-certificates"} & set(os.listdir(records)) >= \
        {"libc6", "ca-certificates"}
    assert len(os.listdir(records)) > 10


@needs_debian
def test_certificates_and_names_can_be_looked_up(root):
    with open(os.path.join(root, "etc/ssl/certs/ca-certificates.crt"), encoding="utf-8") as f:
        assert f.read().count("BEGIN CERTIFICATE") > 50
    with open(os.path.join(root, "etc/nsswitch.conf"), encoding="utf-8") as f:
        assert "dns" in f.read()


@needs_debian
def test_equal_sources_give_equal_layers(tmp_path):
    def layer(name):
        folder = tmp_path / name
        run("src/image-root", PROGRAM, str(folder), *OPENED, environment={"SOURCE_DATE_EPOCH": "1700000000"})
        tar = subprocess.run(["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-cf", "-", "."],
                             cwd=folder, stdout=subprocess.PIPE, check=True).stdout
        return hashlib.sha256(tar).hexdigest()
    assert layer("one") == layer("two")


@needs_debian
def test_a_diversion_is_not_taken_for_a_package(tmp_path):
    """As Debian 13's dpkg-query answers for libc, whose files moved to /usr."""
    (tmp_path / "dpkg-query").write_text(f"""#!/bin/sh
if [ "$1" = -S ]; then
    echo "diversion by libc6 from: $2"
    echo "diversion by libc6 to: $2.usr-is-merged"
fi
exec {shutil.which("dpkg-query")} "$@"
""", encoding="utf-8")
    (tmp_path / "dpkg-query").chmod(0o755)
    run("src/image-root", PROGRAM, str(tmp_path / "root"), environment={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    found = os.listdir(tmp_path / "root" / "var" / "lib" / "dpkg" / "status.d")
    assert "libc6" in found and not [n for n in found if "diversion" in n]


@needs_debian
def test_a_library_of_no_package_is_refused(tmp_path):
    (tmp_path / "dpkg-query").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (tmp_path / "dpkg-query").chmod(0o755)
    done = subprocess.run([os.path.join(ROOT, "src/image-root"), PROGRAM, str(tmp_path / "root")], capture_output=True, text=True,
                          check=False, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode == 1 and "is of no package" in done.stderr


def prepared(tmp_path, os_release, *arguments):
    """src/image-prepare in a mount namespace where /etc/apt and os-release are
    files of the test, with an apt-get that notes what it is asked."""
    (tmp_path / "apt" / "sources.list.d").mkdir(parents=True)
    (tmp_path / "apt" / "sources.list.d" / "debian.sources").write_text("Types: deb\n", encoding="utf-8")
    (tmp_path / "os-release").write_text(os_release, encoding="utf-8")
    (tmp_path / "apt-get").write_text('#!/bin/sh\necho "$*" >>"$(dirname "$0")/asked"\n', encoding="utf-8")
    (tmp_path / "apt-get").chmod(0o755)
    script = f"""mount --bind {tmp_path}/apt /etc/apt && mount --bind {tmp_path}/os-release "$(readlink -f /etc/os-release)" || exit 77
PATH={tmp_path}:$PATH BUILD={tmp_path}/build exec src/image-prepare {" ".join(arguments)}"""
    done = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script], cwd=ROOT, timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare:" in done.stderr:
        pytest.skip("no namespace can be made here (unshare --user --mount)")
    return done


@needs_debian
@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_a_snapshot_is_of_the_debian_that_is_the_base(tmp_path, suite):
    done = prepared(tmp_path, f"ID=debian\nVERSION_CODENAME={suite}\n", "20261124T000000Z")
    assert done.returncode == 0, done.stderr
    at = "deb [check-valid-until=no] http://snapshot.debian.org/archive"
    assert (tmp_path / "apt" / "sources.list").read_text(encoding="utf-8").splitlines() == [
        f"{at}/debian/20261124T000000Z {suite} main", f"{at}/debian/20261124T000000Z {suite}-updates main",
        f"{at}/debian-security/20261124T000000Z {suite}-security main"]
    assert os.listdir(tmp_path / "apt" / "sources.list.d") == []
    assert (tmp_path / "asked").read_text(encoding="utf-8").startswith("-q update\n-q -y install ")


@needs_debian
def test_without_a_snapshot_the_base_keeps_its_sources(tmp_path):
    done = prepared(tmp_path, "ID=debian\nVERSION_CODENAME=trixie\n", "''")
    assert done.returncode == 0, done.stderr
    assert os.listdir(tmp_path / "apt") == ["sources.list.d"] and os.listdir(tmp_path / "apt" / "sources.list.d")


@needs_debian
def test_a_base_without_a_name_is_refused_before_apt(tmp_path):
    done = prepared(tmp_path, "ID=debian\n", "20261124T000000Z")
    assert done.returncode == 1 and "VERSION_CODENAME" in done.stderr
    assert not (tmp_path / "asked").exists() and os.listdir(tmp_path / "apt" / "sources.list.d")


def test_image_root_says_what_is_missing(tmp_path):
    done = subprocess.run([os.path.join(ROOT, "src/image-root"), "no/such", str(tmp_path)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 1 and "run make first" in done.stderr


@pytest.mark.parametrize("image", FILES)
def test_a_dockerfile_keeps_to_the_rules(image):
    text = read(*FILES[image])
    assert re.search(r"^ARG DEBIAN=\S+:\S+@sha256:[0-9a-f]{64}$", text, re.M)
    stages = re.findall(r"^FROM (\S+)", text, re.M)
    assert set(stages) <= {"${DEBIAN}", "scratch"} and len(stages) == 2
    last = text[text.rindex("\nFROM "):]
    assert re.search(r"^USER 65532:65532$", last, re.M)
    assert re.search(r'^HEALTHCHECK .* CMD \["/usr/local/bin/' + image + r'", "healthcheck"\]$', last, re.M)
    assert re.search(r'^ENTRYPOINT \["/', last, re.M)
    assert "STOPSIGNAL SIGTERM" in last
    assert not re.search(r"\bADD\b|curl |wget |chmod 777|:latest", text)
    # what a stage copies is there
    for source in re.findall(r"^COPY (?!--)(\S+) ", text, re.M):
        assert source == "." or os.path.exists(os.path.join(ROOT, source)), source


def test_both_images_are_built_from_one_cached_stage():
    """Two files, for each of which is all that one image is; what they share is
    equal to the letter, so that an engine runs it once for both."""
    shared = [re.sub(r"^(#|$).*\n", "", read(*f).split("\nRUN make ")[0] + "\n", flags=re.M) for f in FILES.values()]
    assert shared[0] == shared[1] and "RUN src/image-prepare" in shared[0]


def test_hadolint_finds_nothing():
    """DL3008: packages are pinned by the base's digest and the snapshot's time, not one by one."""
    run(tool("hadolint"), "--no-color", "--failure-threshold", "warning", "--ignore", "DL3008",
        *(os.path.join(*f) for f in (*FILES.values(), (".devcontainer", "Dockerfile"))))


def test_only_the_production_image_has_no_base():
    assert "\nFROM scratch" in read(*FILES["datos"])
    assert "\nFROM scratch" not in read(*FILES["datos-emulator"])


def test_the_context_leaves_out_what_no_build_needs():
    ignored = read(".dockerignore").split()
    for name in (".git", "build", ".datos", ".github"):
        assert name in ignored
    needed = {"src", "emulator", "cache", "tests/prepare", "Makefile"}
    assert not needed & set(ignored)
