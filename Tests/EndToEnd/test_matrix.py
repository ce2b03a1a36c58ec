"""The matrix of layers and users at the end of a test run: a gap that doctor does not report is a failure."""
import os
import sys
import unittest

from harness import BINARY, ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from matrix import doctor, matrix  # noqa: E402

AS_ROOT = "cage: tried as root gateway, own uid: mounts, cgroup"
AS_USER = "cage: tried as ordinary user: mounts"


def says(**present):
    return {layer: {"layer": layer, "present": value, "detail": f"{layer} because"} for layer, value in present.items()}


class Matrix(unittest.TestCase):
    def test_a_gap_that_doctor_reports_is_a_note_with_its_reason(self):
        rows, failures = matrix([AS_ROOT, AS_USER], {"root": says(mounts=True, cgroup=True), "user": says(mounts=True, cgroup=False)})
        self.assertEqual(failures, [])
        self.assertEqual([row.split() for row in rows[1:3]], [["mounts", "tried", "tried"], ["cgroup", "tried", "gap"]])
        self.assertEqual(rows[3:], ["gap: cgroup as user: doctor says so: cgroup because"])

    def test_a_gap_that_doctor_does_not_report_is_a_failure(self):
        there = says(mounts=True, cgroup=True)
        for lines, gaps in (([AS_ROOT, AS_USER], ["cgroup as user"]), ([AS_USER], ["mounts as root", "cgroup as root", "cgroup as user"]),
                            ([], ["mounts as root", "mounts as user", "cgroup as root", "cgroup as user"])):
            _, failures = matrix(lines, {"root": there, "user": there})
            self.assertEqual(failures, [f"gap: {gap}: not tried, and doctor says that it is there" for gap in gaps])
        self.assertEqual(matrix([AS_ROOT], {"root": {}, "user": None})[1], ["gap: doctor says nothing of any layer"])

    def test_a_user_that_nobody_can_be_here_has_the_reason_of_the_suite(self):
        lines = [AS_USER, "cage: not tried as root gateway, own uid: the tests do not run as root"]
        rows, failures = matrix(lines, {"root": None, "user": says(mounts=True)})
        self.assertEqual((rows[2:], failures), (["gap: mounts as root: the tests do not run as root"], []))

    def test_where_doctor_says_nothing_a_gap_is_a_failure_unless_the_suite_says_why(self):
        _, failures = matrix([AS_ROOT, AS_USER], {"root": says(mounts=True, cgroup=True), "user": None})
        self.assertEqual(failures, ["gap: cgroup as user: neither the suite nor doctor says why"])

    def test_a_doctor_that_is_not_there_says_nothing(self):
        self.assertIsNone(doctor("/nowhere/gatehouse", "user"))

    def test_doctor_is_asked_as_both(self):
        root, user = doctor(BINARY, "root"), doctor(BINARY, "user")
        self.assertEqual(root is None, os.geteuid() != 0)
        self.assertFalse(user["own-uid"]["present"])
        if root:
            self.assertTrue(root["own-uid"]["present"])


if __name__ == "__main__":
    unittest.main()
