"""Which layers the cages of the tests had, as which user, and whether `gatehouse doctor` says the same of what they had not."""
import json
import os
import re
import shutil
import subprocess
import tempfile

USERS = {"root": "root gateway, own uid", "user": "ordinary user"}  # as the cage suite calls them
ORDINARY = 54_321  # owns nothing; as in Tests/EndToEnd/harness.py
TRIED = re.compile(r"cage: tried as (.*?): (.*)$")
NOT_RUN = re.compile(r"cage: not tried as (.*?): (.*)$")


def doctor(binary, user):
    """What it says of each layer as that user; None where this user cannot be that one, or it says nothing."""
    is_root = os.geteuid() == 0
    if user == "root" and not is_root:
        return None
    identity = {"user": ORDINARY, "group": ORDINARY, "extra_groups": []} if user == "user" and is_root else {}
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        # Not where it was built: that may lie where the other user may not go.
        os.chmod(folder, 0o755)
        try:
            copy = shutil.copy(binary, folder)
            done = subprocess.run([copy, "doctor", "--json"], capture_output=True, text=True, timeout=120, cwd="/", **identity)
        except (OSError, subprocess.TimeoutExpired):
            return None
    if not done.stdout:
        return None
    return {row["layer"]: row for row in json.loads(done.stdout)["layers"]}


def matrix(lines, doctors):
    """Rows for people, and the gaps that doctor does not report: those are failures.

    `lines` are what the cage suite says; `doctors` maps root and user to what doctor says as them, or None.
    """
    tried = {match[1]: set(match[2].split(", ")) for match in map(TRIED.match, lines) if match}
    not_run = {match[1]: match[2] for match in map(NOT_RUN.match, lines) if match}
    layers = list(next((said for said in doctors.values() if said), {}))
    rows, notes, failures = [f"{'layer of a cage':<16}" + "".join(f"{user:<6}" for user in USERS)], [], []
    for layer in layers:
        row = f"{layer:<16}"
        for user, name in USERS.items():
            said = doctors.get(user)
            if layer in tried.get(name, ()):
                row += f"{'tried':<6}"
                continue
            row += f"{'gap':<6}"
            if said is None and name in not_run:
                notes.append(f"gap: {layer} as {user}: {not_run[name]}")
            elif said is None:
                failures.append(f"gap: {layer} as {user}: neither the suite nor doctor says why")
            elif said[layer]["present"]:
                failures.append(f"gap: {layer} as {user}: not tried, and doctor says that it is there")
            else:
                notes.append(f"gap: {layer} as {user}: doctor says so: {said[layer]['detail']}")
        rows.append(row)
    if not layers:
        failures.append("gap: doctor says nothing of any layer")
    return rows + notes, failures
