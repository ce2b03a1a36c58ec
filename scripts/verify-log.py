#!/usr/bin/env python3
"""Verifies a Gatehouse audit log without any Gatehouse code; needs Python 3.8 and nothing else.

    verify-log.py --key 'gatehouse/log/…+1234abcd+Ag…' LOG [--checkpoint FILE]… [--tombstone FILE]
    verify-log.py --key KEY --evidence FILE

LOG is the state folder's log.db (opened read-only) or a file of JSON lines as `audit export` writes
it: one record a line, byte for byte. A log whose oldest records were removed begins with its signed
tombstone: the database has it, for lines give what `audit tombstone` prints. Checkpoints come from the database, from `checkpoint` beside
it, and from every FILE given (one note, or many with a blank line after each). Where records were removed,
one of the FILEs must cover them: the log's owner can sign a tombstone over anything. The key is the text
`gatehouse audit key` prints; get it from someone you trust, not from the machine you check.

Checked: every signature; every record's place under every signed root (RFC 9162); that records are
canonical JSON and that intents and outcomes pair up. Exit 0 when all holds, 4 when something does
not, 2 when it could not be checked. See docs/audit-format.md.
"""
import argparse
import base64
import hashlib
import json
import os
import sqlite3
import struct
import sys

# --- Ed25519 verification (RFC 8032, 5.1.7), plain and slow ---------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * SQRT_M1 % P
    if (x * x - xx) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def decode_point(data):
    y = int.from_bytes(data, "little")
    x = recover_x(y & (1 << 255) - 1, y >> 255)
    y &= (1 << 255) - 1
    return None if x is None else (x, y, 1, x * y % P)


def add(a, b):
    # Extended coordinates (RFC 8032, 5.1.4).
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    g, h, i, j = f - e, d - c, d + c, f + e
    return g * h % P, i * j % P, h * i % P, g * j % P


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def is_signature(signature, message, key):
    if len(signature) != 64 or len(key) != 32:
        return False
    a, r = decode_point(key), decode_point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = multiply(s, BASE), add(r, multiply(k, a))
    return ((left[0] * right[2] - right[0] * left[2]) % P == 0
            and (left[1] * right[2] - right[1] * left[2]) % P == 0)


# --- keys and checkpoints (C2SP signed-note, tlog-checkpoint) -------------------------------------


class Broken(Exception):
    """Evidence that does not hold."""


class Unusable(Exception):
    """Something that could not be checked."""


class Key:
    def __init__(self, text):
        try:
            self.name, key_id, encoded = text.strip().split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
            self.id = bytes.fromhex(key_id)
        except ValueError:
            raise Unusable("the key does not read NAME+ID+BASE64")
        expected = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        if len(raw) != 33 or raw[0] != 1 or self.id != expected:
            raise Unusable("the key is not an Ed25519 key with its own id")
        self.public = raw[1:]

    def signed_lines(self, note, what):
        """The lines of a note this key signed."""
        text, found, signatures = note.rpartition(b"\n\n")
        if not found:
            raise Broken(f"{what} has no signatures")
        text += b"\n"
        start = "\u2014 ".encode() + self.name.encode() + b" "
        for line in signatures.split(b"\n"):
            if not line.startswith(start):
                continue
            try:
                signed = base64.b64decode(line[len(start):], validate=True)
            except ValueError:
                continue
            if signed[:4] == self.id and is_signature(signed[4:], text, self.public):
                return text.split(b"\n")
        raise Broken(f"{what} is not signed by the log's key")

    def open(self, note):
        """(size, root) of a checkpoint this key signed."""
        lines = self.signed_lines(note, "a checkpoint")
        if len(lines) < 4:
            raise Broken("a checkpoint is too short")
        if lines[0] != self.name.encode():
            raise Broken(f"a checkpoint is of another log: {lines[0]!r}")
        if not lines[1].isdigit() or (lines[1][:1] == b"0" and lines[1] != b"0"):
            raise Broken("a checkpoint's size is not a decimal number")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except ValueError:
            root = b""
        if len(root) != 32:
            raise Broken("a checkpoint's root is not a hash")
        return int(lines[1]), root

    def open_tombstone(self, note):
        """(size, peaks, calls under way) of a tombstone this key signed."""
        lines = self.signed_lines(note, "the tombstone")
        if len(lines) < 5 or lines[:2] != [b"gatehouse/tombstone/1", self.name.encode()]:
            raise Broken("the tombstone is none of this log")
        peaks, calls = [], set()
        for line in lines[4:-1]:
            word, _, rest = line.partition(b" ")
            if word == b"peak":
                peaks.append(base64.b64decode(rest, validate=True))
            elif word == b"call":
                calls.add(rest.decode())
            else:
                raise Broken("a line of the tombstone is neither peak nor call")
        size = int(lines[2])
        if size < 1 or len(peaks) != bin(size).count("1") or any(len(peak) != 32 for peak in peaks):
            raise Broken("the tombstone's peaks do not make its size")
        return size, peaks, calls


def notes_in(data):
    """The notes of a file: each is text, a blank line, signatures, and perhaps one more blank line."""
    notes, current, blanks = [], [], 0
    for line in data.split(b"\n"):
        if not line and not current:
            continue
        if not line:
            blanks += 1
            if blanks == 2:
                notes.append(b"\n".join(current) + b"\n")
                current, blanks = [], 0
                continue
        current.append(line)
    if current:
        notes.append(b"\n".join(current) + b"\n")
    return notes


def notes_of(path):
    with open(path, "rb") as file:
        return notes_in(file.read())


# --- the tree (RFC 9162, 2.1) ---------------------------------------------------------------------


def leaf_hash(record):
    return hashlib.sha256(b"\0" + record).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    def __init__(self, size=0, roots=()):
        # (leaf count, root), largest first: one for each bit set in the size
        counts = [1 << bit for bit in reversed(range(size.bit_length())) if size >> bit & 1]
        self.size, self.peaks = size, list(zip(counts, roots))

    def append(self, record):
        count, root = 1, leaf_hash(record)
        while self.peaks and self.peaks[-1][0] == count:
            root = node_hash(self.peaks.pop()[1], root)
            count *= 2
        self.peaks.append((count, root))
        self.size += 1

    def root(self):
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        root = self.peaks[-1][1]
        for _, left in reversed(self.peaks[:-1]):
            root = node_hash(left, root)
        return root


def is_included(record, index, size, path, root):
    """RFC 9162, 2.1.3.2."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf_hash(record)
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


# --- where records come from ----------------------------------------------------------------------


def database_records(connection, expected):
    for first, count, blob in connection.execute("SELECT first, count, records FROM segment ORDER BY first"):
        if first != expected:
            raise Broken(f"records {expected} to {first - 1} are missing" if first > expected
                         else f"record {first} is there, though a tombstone says it was removed")
        offset, seen = 0, 0
        while offset < len(blob):
            if offset + 4 > len(blob):
                raise Broken(f"the row at record {first} is damaged")
            (length,) = struct.unpack_from("<I", blob, offset)
            if offset + 4 + length > len(blob):
                raise Broken(f"the row at record {first} is damaged")
            yield blob[offset + 4:offset + 4 + length]
            offset, seen = offset + 4 + length, seen + 1
        if seen != count:
            raise Broken(f"the row at record {first} holds {seen} records, not {count}")
        expected += count


def line_records(path):
    with open(path, "rb") as file:
        for line in file:
            yield line.rstrip(b"\n")


def canonical(value):
    """RFC 8785 for what our records hold: objects, arrays, strings, booleans and integers."""
    if isinstance(value, dict):
        order = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(canonical(name) + ":" + canonical(value[name]) for name in order) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        raise ValueError("a fraction")
    return json.dumps(value, ensure_ascii=False)


def check_record(index, record, under_way):
    """What is wrong with one record, or None."""
    try:
        value = json.loads(record)
        if not isinstance(value, dict) or canonical(value).encode() != record:
            return "is not canonical JSON"
    except (ValueError, UnicodeError):
        return "is not canonical JSON"
    if value.get("v") != 1:
        return "has another format than 1"
    if not all(isinstance(value.get(name), str) for name in ("kind", "time", "tenant", "environment")):
        return "lacks kind, time, tenant or environment"
    kind, call = value["kind"], value.get("call")
    if kind in ("intent", "outcome") and not isinstance(call, str):
        return "names no call"
    if kind == "intent":
        if call in under_way:
            return "repeats a call that is under way"
        under_way[call] = index
    elif kind in ("outcome", "unknown") and call is not None:
        if under_way.pop(call, None) is None:
            return "has no open intent"
    return None


# --- the two jobs ---------------------------------------------------------------------------------


def verify_log(key, path, checkpoint_files, tombstone_file):
    notes, tombstone = [], None
    if tombstone_file:
        with open(tombstone_file, "rb") as file:
            tombstone = file.read()
    with open(path, "rb") as file:
        is_database = file.read(16) == b"SQLite format 3\0"
    if is_database:
        uri = "file:" + os.path.abspath(path).replace("?", "%3f").replace("#", "%23") + "?mode=ro"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        connection.execute("BEGIN")
        notes += [note.encode() for (note,) in connection.execute("SELECT note FROM checkpoint")]
        for (note,) in connection.execute("SELECT value FROM meta WHERE name = 'tombstone'"):
            tombstone = bytes(note)
        beside = os.path.join(os.path.dirname(os.path.abspath(path)), "checkpoint")
        if os.path.exists(beside):
            notes += notes_of(beside)
    removed, peaks, calls = key.open_tombstone(tombstone) if tombstone else (0, [], set())
    records = database_records(connection, removed) if is_database else line_records(path)
    outside = {note for file_name in checkpoint_files for note in notes_of(file_name)}
    if checkpoint_files and not outside:
        raise Unusable("the files given hold no checkpoint")
    notes += outside
    roots, outside_size = {}, 0
    for note in set(notes):
        size, root = key.open(note)
        if roots.setdefault(size, root) != root:
            raise Broken(f"two checkpoints of {size} records have different roots")
        if note in outside:
            outside_size = max(outside_size, size)
    tree, covered, faults = Tree(removed, peaks), 0, []
    under_way = dict.fromkeys(calls, -1)
    # Over removed records alone: signed, and nothing is left to compare them with.
    older = [size for size in roots if size < removed]
    # Nothing is removed before a checkpoint over it was kept outside, and whoever holds the key can
    # sign a tombstone over records that never were.
    if outside and outside_size < removed:
        faults.append(f"the first {removed} records are gone, and no checkpoint kept elsewhere "
                      f"covers them: the last one covers {outside_size}")
    for size in older:
        del roots[size]

    def compare():
        nonlocal covered
        if tree.size in roots:
            if roots.pop(tree.size) != tree.root():
                faults.append(f"the first {tree.size} records are not those that were signed")
            else:
                covered = tree.size

    compare()
    for index, record in enumerate(records, removed):
        tree.append(record)
        fault = check_record(index, record, under_way)
        if fault:
            faults.append(f"record {index} {fault}")
        compare()
    for size in sorted(roots):
        faults.append(f"a checkpoint covers {size} records, the log has {tree.size}")
    print(f"{tree.size} records, root {tree.root().hex()}")
    print(f"{len(set(notes))} checkpoints; {covered} records are covered by a signature, {tree.size - covered} are newer")
    print(f"{len(under_way)} calls without outcome")
    if removed:
        print(f"the first {removed} records were removed, with a tombstone; "
              f"{len(older)} checkpoints are of those alone")
    for fault in faults[:100]:
        print("BROKEN:", fault)
    if faults:
        raise Broken(f"{len(faults)} faults")


def verify_evidence(key, path):
    with open(path, "rb") as file:
        evidence = json.load(file)
    record = evidence["record"].encode()
    size, root = key.open(evidence["checkpoint"].encode())
    path = [base64.b64decode(text, validate=True) for text in evidence["path"]]
    if size != evidence["size"] or not is_included(record, evidence["index"], size, path, root):
        raise Broken("the record is not in the signed log at that place")
    print(f"record {evidence['index']} of {size} is in the log {key.name}:")
    print(evidence["record"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", required=True, help="the log's public key, NAME+ID+BASE64, or a file with it")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="FILE")
    parser.add_argument("--tombstone", metavar="FILE", help="what stands in the place of removed records")
    parser.add_argument("--evidence", metavar="FILE", help="check one record's evidence instead of a log")
    parser.add_argument("log", nargs="?")
    options = parser.parse_args()
    try:
        if os.path.exists(options.key):
            with open(options.key) as file:
                key = Key(file.read())
        else:
            key = Key(options.key)
        if options.evidence:
            verify_evidence(key, options.evidence)
        elif options.log:
            verify_log(key, options.log, options.checkpoint, options.tombstone)
        else:
            raise Unusable("name a log or --evidence")
    except Broken as fault:
        print(f"BROKEN: {fault}", file=sys.stderr)
        return 4
    except (Unusable, OSError, sqlite3.Error, KeyError, ValueError) as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 2
    print("holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
