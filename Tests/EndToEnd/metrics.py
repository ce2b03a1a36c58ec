"""A strict reader of the Prometheus text format 0.0.4; refuses what a lenient one lets pass."""
import http.client
import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)$")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


class Broken(Exception):
    """A text that a scraper may read differently, or not at all."""


def labels_of(text, line):
    labels, at = {}, 0
    while at < len(text or ""):
        found = LABEL.match(text, at)
        if not found or found[1] in labels:
            raise Broken(f"labels: {line}")
        labels[found[1]] = found[2].replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
        at = found.end()
    return labels


def parse(text):
    """{family: (kind, {(name, labels): value})} of a whole exposition."""
    if not text.endswith("\n") or "\r" in text:
        raise Broken("the last line does not end, or lines end in CR")
    families, current, helped = {}, None, None
    for line in text.splitlines():
        if found := re.fullmatch(rf"# HELP ({NAME}) (.+)", line):
            if helped or found[1] in families:
                raise Broken(f"a second HELP: {line}")
            helped = found[1]
        elif found := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge|histogram)", line):
            if found[1] != helped:
                raise Broken(f"no HELP before: {line}")
            if found[2] == "counter" and not found[1].endswith("_total"):
                raise Broken(f"a counter ends in _total: {line}")
            current, helped = found[1], None
            families[current] = (found[2], {})
        else:
            found = SAMPLE.fullmatch(line)
            if not found or current is None or helped:
                raise Broken(f"no sample: {line!r}")
            kind, samples = families[current]
            if found[1] not in [current + suffix for suffix in SUFFIXES[kind]]:
                raise Broken(f"a sample outside its family: {line}")
            key = (found[1], frozenset(labels_of(found[2], line).items()))
            if key in samples:
                raise Broken(f"twice: {line}")
            value = float(found[3])
            if math.isnan(value) or (kind != "gauge" and value < 0):
                raise Broken(f"value: {line}")
            samples[key] = value
    for name, (kind, samples) in families.items():
        if kind == "histogram":
            check_histogram(name, samples)
    return families


def check_histogram(name, samples):
    series = {}
    for (sample, labels), value in samples.items():
        rest = frozenset(pair for pair in labels if pair[0] != "le")
        entry = series.setdefault(rest, {"buckets": []})
        if sample == name + "_bucket":
            entry["buckets"].append((float(dict(labels)["le"]), value))
        else:
            entry[sample.removeprefix(name)] = value
    for entry in series.values():
        bounds, counts = [b for b, _ in entry["buckets"]], [c for _, c in entry["buckets"]]
        if bounds != sorted(set(bounds)) or bounds[-1] != math.inf or counts != sorted(counts):
            raise Broken(f"buckets of {name}: {entry}")
        if counts[-1] != entry["_count"] or (entry["_sum"] > 0) != (entry["_count"] > 0):
            raise Broken(f"sum and count of {name}: {entry}")


def get(port, path, host="127.0.0.1", headers=None, method="GET"):
    """(status, media type, text) of one request to a control listener."""
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, response.headers["Content-Type"], text


class Metrics:
    """One scrape."""

    def __init__(self, port):
        status, self.media_type, self.text = get(port, "/metrics")
        if status != 200:
            raise Broken(f"status {status}: {self.text}")
        self.families = parse(self.text)

    def __call__(self, name, **labels):
        """The sum of all samples of that name that carry these labels."""
        family = name if name in self.families else re.sub("_(bucket|sum|count)$", "", name)
        wanted = set(labels.items())
        found = [v for (sample, have), v in self.families[family][1].items() if sample == name and wanted <= have]
        if not found:
            raise KeyError(f"{name} {labels}")
        return sum(found)
