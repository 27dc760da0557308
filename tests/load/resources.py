#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes this system's topics and subscriptions in a Pub/Sub emulator that
starts empty, as Google's does; what is there already is left as it is. How long
letters are kept is that emulator's default: it lives no longer than its process.
    tests/load/resources.py http://127.0.0.1:8085 [PROJECT]"""
import json
import sys
import urllib.error
import urllib.request


def make(url, body):
    """PUT; 409 says that it is there."""
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method="PUT",
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10):
            return "made"
    except urllib.error.HTTPError as e:
        if e.code != 409:
            raise
        return "there"


def main():
    if not 2 <= len(sys.argv) <= 3 or not sys.argv[1].startswith("http"):
        print("usage: resources.py http://HOST:PORT [PROJECT]", file=sys.stderr)
        return 2
    project = "projects/" + (sys.argv[2] if len(sys.argv) > 2 else "datos-local")
    letters = f"{project}/topics/datos-dead-letter"
    rows = [
        (letters, {}),
        (f"{project}/topics/datos-topic", {}),
        (f"{project}/subscriptions/datos-dead-letter-subscription", {"topic": letters}),
        (f"{project}/subscriptions/datos-subscription", {
            "topic": f"{project}/topics/datos-topic", "ackDeadlineSeconds": 60,
            "deadLetterPolicy": {"deadLetterTopic": letters, "maxDeliveryAttempts": 100},
            "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"}}),
    ]
    for name, body in rows:
        try:
            print(f"{name}: {make(f'{sys.argv[1]}/v1/{name}', body)}")
        except OSError as e:
            print(f"{name}: {e}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
