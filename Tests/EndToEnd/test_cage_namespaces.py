"""User namespaces that are turned off or used up, as on machines whose operator set the kernel's limit."""
import json
import subprocess
import unittest

from harness import BINARY

# A namespace with a limit of its own, in it an ordinary user without rights. A cage needs two of them.
LIMIT = 'echo "$0" > /proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all --inh-caps=-all --bounding-set=-all "$@"'


def limited(count):
    return ["unshare", "-U", "--map-user=1000", "--map-group=1000", "--keep-caps", "sh", "-c", LIMIT, str(count)]


def namespaces(count):
    """What `doctor` finds where there may be so many."""
    said = subprocess.run([*limited(count), BINARY, "doctor", "--json"], capture_output=True, text=True, timeout=60)
    rows = {row["layer"]: row for row in json.loads(said.stdout or '{"layers": []}')["layers"]}
    return rows.get("namespaces", {"present": False, "detail": said.stderr})


class Namespaces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not (found := namespaces(1000))["present"]:
            raise unittest.SkipTest(f"no cage can be made in a user namespace here: {found}")

    def test_doctor_tells_turned_off_from_used_up(self):
        off, used = namespaces(0), namespaces(1)
        for found in (off, used):
            self.assertFalse(found["present"], found)
        self.assertIn("sysctl user.max_user_namespaces=10000", json.dumps(off))
        self.assertNotIn("ask again", json.dumps(off))
        self.assertIn("ask again", json.dumps(used))
        self.assertIn("raise user.max_user_namespaces", json.dumps(used))


if __name__ == "__main__":
    unittest.main()
