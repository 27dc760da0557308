# SPDX-License-Identifier: Apache-2.0
"""What a load test measured, beside its goals. Exit 1 if one is missed.

    verdict.py RESULT.json SECONDS
"""
import json
import sys

JUDGED_FROM_S = 60  # a shorter run is a smoke test: its tail is a handful of requests
GET_OVER_FLOOR_MS = 1.0
POST_P95_MS = 25.0


def main(path, seconds):
    with open(path, encoding="utf-8") as f:
        result = json.load(f)
    print(f"{'':14} {'requests':>8} {'failed':>7} {'mean':>8} {'p50':>8} {'p95':>8} {'p99':>8} {'max':>8}  ms")
    for name in sorted(result):
        r = result[name]
        print(f"{name:14} {r['n']:8d} {len(r['failures']):7d} " + " ".join(f"{r[k]:8.2f}" for k in ("mean", "p50", "p95", "p99", "max")))
    missed = []

    def goal(text, value, fine, judged=True):
        word = "ok" if fine else "MISSED" if judged else "not judged: a short run"
        print(f"  {text:48} {value:>12}  {word}")
        if judged and not fine:
            missed.append(text)

    n_failed = sum(len(r["failures"]) for r in result.values())
    goal("no request fails", str(n_failed), n_failed == 0)
    goal("both kinds were asked", "", {"GET /datos", "POST /datos"} <= set(result))
    judged = seconds >= JUDGED_FROM_S
    get, post, floor = (result.get(k) for k in ("GET /datos", "POST /datos", "floor"))
    if get and floor:
        over = get["p95"] - floor["p95"]
        goal(f"GET p95 at most {GET_OVER_FLOOR_MS:g} ms over nginx's", f"{over:+.2f} ms", over <= GET_OVER_FLOOR_MS, judged)
    if post and floor:
        goal(f"POST p95 under {POST_P95_MS:g} ms", f"{post['p95']:.2f} ms", post["p95"] < POST_P95_MS, judged)
    for name, r in result.items():
        for why in sorted(set(r["failures"]))[:5]:
            print(f"  {name}: {why}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
