# SPDX-License-Identifier: Apache-2.0
"""kill -9 of each part, again and again, under load: nothing acknowledged is
lost, nothing is there twice, the work goes on."""
import re
import threading
import time

import datos
import pytest


class Load:
    """Publishes and POSTs until told to stop; remembers what was accepted."""

    def __init__(self, system):
        self.system, self.stopping = system, threading.Event()
        self.published, self.posted, self.tried = [], [], set()
        self.threads = [threading.Thread(target=self.run, args=(kind,))
                        for kind in ("publish", "publish", "post")]
        self.addresses = system.ready
        for t in self.threads:
            t.start()

    def run(self, kind):
        n = 0
        me = f"{kind}-{threading.get_ident() % 100000}"
        while not self.stopping.is_set():
            ids = [f"{me}-{n + i}" for i in range(5)]
            n += 5
            self.tried.update(ids)
            try:
                if kind == "publish":
                    answer = self.system.publish(*[datos.record(i) for i in ids], seconds=5)
                    if answer.status == 200:
                        self.published += ids
                else:
                    answer = self.system.post([datos.record(i) for i in ids], seconds=5)
                    if answer.status in (200, 201):
                        self.posted += ids
            except (OSError, datos.http.client.HTTPException, ValueError):
                pass  # the part is dead just now: not acknowledged
            time.sleep(0.01)

    def end(self):
        self.stopping.set()
        for t in self.threads:
            t.join(20)
            assert not t.is_alive()


def walk(system):
    """All ids, page by page."""
    ids, path = [], "/datos?limit=1000"
    while path:
        answer = system.get(path)
        assert answer.status == 200, answer.body
        ids += [row["id"] for row in answer.json()["datos"]]
        link = re.match(r'<([^>]+)>; rel="next"', answer.headers.get("Link") or "")
        path = link.group(1) if link else None
    return ids


@pytest.mark.parametrize("part", ["ingest", "api", "emulator", "redis"])
def test_kill_under_load_loses_nothing_acknowledged(start, folder, part):
    system = start("--state", folder)
    load = Load(system)
    before = system.ready
    for _ in range(3):
        datos.wait_for(lambda n=len(load.published) + len(load.posted):
                       len(load.published) + len(load.posted) > n + 30)
        assert system.kill(part) < 5
    datos.wait_for(lambda n=len(load.published): len(load.published) > n + 20)
    datos.wait_for(lambda n=len(load.posted): len(load.posted) > n + 20)
    load.end()
    after = system.ready
    assert {k: before[k] for k in ("api", "pubsub", "ingest")} == \
        {k: after[k] for k in ("api", "pubsub", "ingest")}
    accepted = set(load.published) | set(load.posted)
    try:
        datos.wait_for(lambda: accepted <= set(walk(system)), 60, "all accepted rows")
    except AssertionError:
        lost = sorted(accepted - set(walk(system)))
        raise AssertionError(f"{len(lost)} of {len(accepted)} lost: {lost[:10]}\n"
                             f"{system.log()[-3000:]}") from None
    ids = walk(system)
    assert len(ids) == len(set(ids)), "an id is shown twice"
    assert set(ids) <= load.tried
    assert not system.pull("datos-dead-letter-subscription"), "a good message was refused"


def test_everything_is_there_after_killing_the_whole(start, folder):
    system = start("--state", folder)
    system.publish(*[datos.record(f"p{i}") for i in range(200)])
    assert system.post([datos.record(f"q{i}") for i in range(50)]).status == 201
    pids = system.ready["pids"]
    system.process.kill()
    system.process.wait(30)
    datos.wait_for(lambda: not any(datos.is_alive(p) for p in pids.values()), 5,
                   "children die with their supervisor")
    again = start("--state", folder)
    want = {f"p{i}" for i in range(200)} | {f"q{i}" for i in range(50)}
    datos.wait_for(lambda: set(walk(again)) == want, 30)
