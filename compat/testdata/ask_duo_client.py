"""Asks Debian's python3-duo-client, unmodified, what each line of the input says, and prints what it gave or raised.

Arguments: host, port, certificate authority. A line: {"class", "key", "secret", "options", "call", "with"}.
"""
import hashlib
import json
import sys

from duo_client.auth import Auth
from duo_client.auth_v1 import AuthV1

host, port, authority = sys.argv[1:]
for line in sys.stdin:
    asked = json.loads(line)
    options = asked.get("options") or {}
    if "digestmod" in options:
        options["digestmod"] = getattr(hashlib, options["digestmod"])
    try:
        kind = {"Auth": Auth, "AuthV1": AuthV1}[asked["class"]]
        client = kind(asked["key"], asked["secret"], host, ca_certs=authority, port=int(port), **options)
        value = getattr(client, asked["call"])(**(asked.get("with") or {}))
        answer = {"value": "image" if isinstance(value, bytes) and value.startswith(b"\x89PNG") else value}
    except RuntimeError as error:  # what the client raises for every refusal
        answer = {"refusal": str(error)}
    print(json.dumps(answer), flush=True)
