# SPDX-License-Identifier: Apache-2.0
"""Whether a text is one that Prometheus reads, and means what it says. Stricter than the format asks.

    samples, why = read_metrics(text)      # {(name, ((label, value), …)): number}; None, or what is wrong

Source: Prometheus, exposition formats, text format 0.0.4; its conventions for names of metrics and for
histograms (le ascending, buckets cumulative, the last one +Inf and equal to _count).
"""

import math
import re

HELP = re.compile(r"# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\\n]|\\\\|\\n)+)")
TYPE = re.compile(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)")
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.+)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
ESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Wrong(Exception):
    pass


def need(holds, why):
    if not holds:
        raise Wrong(why)


def read_labels(text, line):
    labels, at = [], 0
    while at < len(text):
        m = LABEL.match(text, at)
        need(m, f"labels: {line}")
        need(m[3] != "," or m.end() < len(text), f"a comma at the end: {line}")
        labels.append((m[1], re.sub(r"\\.", lambda e: ESCAPED[e[0]], m[2])))
        at = m.end()
    need(len({name for name, _ in labels}) == len(labels), f"a label twice: {line}")
    return tuple(labels)


def family_of(name, family, kind):
    """Whether a sample of that name belongs to it."""
    return name in ([family + s for s in ("_bucket", "_sum", "_count")] if kind == "histogram" else [family])


def check_histogram(family, samples):
    series = {}
    for (name, labels), number in samples.items():
        if family_of(name, family, "histogram"):
            rest = tuple(label for label in labels if label[0] != "le")
            series.setdefault(rest, []).append((name, dict(labels).get("le"), number))
    need(series, f"{family}: no samples")
    for rest, rows in series.items():
        where = f"{family}{dict(rest)}"
        buckets = [(le, n) for name, le, n in rows if name == family + "_bucket"]
        ends = [math.inf if le == "+Inf" else float(le) for le, _ in buckets]
        need(ends and ends == sorted(set(ends)) and ends[-1] == math.inf, f"{where}: le is {ends}")
        counts = [n for _, n in buckets]
        need(counts == sorted(counts), f"{where}: not cumulative: {counts}")
        totals = {name: n for name, le, n in rows if le is None}
        need(set(totals) == {family + "_sum", family + "_count"}, f"{where}: has {sorted(totals)}")
        need(totals[family + "_count"] == counts[-1], f"{where}: _count is not the +Inf bucket")
        need(totals[family + "_sum"] == 0 or counts[-1] > 0, f"{where}: a sum of nothing")


def read(text):
    need(text.endswith("\n"), "the last line has no end")
    kinds, samples, family, helped = {}, {}, None, None
    for line in text[:-1].split("\n"):
        if line.startswith("#"):
            need(helped is None or line.startswith("# TYPE"), f"HELP without TYPE before: {line}")
            if m := HELP.fullmatch(line):
                need(m[1] not in kinds, f"twice: {line}")
                helped = m[1]
            elif m := TYPE.fullmatch(line):
                need(m[1] == helped, f"TYPE does not follow its HELP: {line}")
                need((m[2] == "counter") == m[1].endswith("_total"), f"counters alone are named _total: {line}")
                family, helped = m[1], None
                kinds[family] = m[2]
            else:
                raise Wrong(f"neither HELP nor TYPE: {line}")
            continue
        m = SAMPLE.fullmatch(line)
        need(m and helped is None, f"no sample: {line}")
        need(family and family_of(m[1], family, kinds[family]), f"not of the family above: {line}")
        need(NUMBER.fullmatch(m[3]), f"no number: {line}")
        labels = read_labels(m[2] or "", line)
        need(("le" in dict(labels)) == (m[1].endswith("_bucket") and kinds[family] == "histogram"), f"le: {line}")
        key = (m[1], labels)
        need(key not in samples, f"twice: {line}")
        samples[key] = float(m[3])
    need(helped is None, "HELP at the end")
    for name, kind in kinds.items():
        if kind == "histogram":
            check_histogram(name, samples)
        else:
            need(any(name == sample for sample, _ in samples), f"{name}: no samples")
    return samples


def read_metrics(text):
    try:
        return read(text), None
    except Wrong as e:
        return {}, str(e)


GOOD = """# HELP a_total What \\\\ it\\nis.
# TYPE a_total counter
a_total{kind="x \\"\\\\\\n,"} 1
a_total{kind="y"} 2
# HELP h Seconds.
# TYPE h histogram
h_bucket{kind="x",le="0.5"} 1
h_bucket{kind="x",le="+Inf"} 3
h_sum{kind="x"} 2.5
h_count{kind="x"} 3
"""
# What is wrong, the text of GOOD that is replaced, and by what.
BROKEN = [
    ("no line end", "h_count{kind=\"x\"} 3\n", "h_count{kind=\"x\"} 3"),
    ("a blank line", "# HELP h", "\n# HELP h"),
    ("no TYPE", "# TYPE a_total counter\n", ""),
    ("no HELP", "# HELP a_total What \\\\ it\\nis.\n", ""),
    ("an unknown type", "a_total counter", "a_total count"),
    ("a bare backslash in a help", "\\\\ it", "\\ it"),
    ("a counter of another name", "a_total", "a"),
    ("a gauge named like a counter", "a_total counter", "a_total gauge"),
    ("a name that begins with a digit", "a_total", "1_total"),
    ("a bare quote in a label", '\\"', '"'),
    ("an unknown escape in a label", "\\n,", "\\t,"),
    ("an unquoted label", 'kind="y"', "kind=y"),
    ("a comma at the end of the labels", 'kind="y"', 'kind="y",'),
    ("a label twice", 'kind="y"', 'kind="y",kind="z"'),
    ("no number", '"y"} 2', '"y"} x'),
    ("a negative number", '"y"} 2', '"y"} -2'),
    ("a series twice", 'kind="y"', 'kind="x \\"\\\\\\n,"'),
    ("a stranger in a family", 'a_total{kind="y"}', 'b{kind="y"}'),
    ("no +Inf", 'le="+Inf"', 'le="9.5"'),
    ("ends that fall", 'le="0.5"', 'le="+Inf"'),
    ("buckets that fall", 'le="0.5"} 1', 'le="0.5"} 4'),
    ("a count that is another", 'h_count{kind="x"} 3', 'h_count{kind="x"} 4'),
    ("no sum", 'h_sum{kind="x"} 2.5\n', ""),
    ("a count of another label", 'h_count{kind="x"}', 'h_count{kind="y"}'),
    ("a bucket without le", 'h_bucket{kind="x",le="0.5"}', 'h_bucket{kind="x"}'),
    ("no samples", 'a_total{kind="x \\"\\\\\\n,"} 1\na_total{kind="y"} 2\n', ""),
]


def blind_to():
    """The faults that read_metrics() doesn't see: None, since there must be none."""
    samples, why = read_metrics(GOOD)
    if why or samples.get(("a_total", (("kind", 'x "\\\n,'),))) != 1:
        return f"the good one: {why}: {samples}"
    for what, old, new in BROKEN:
        if old not in GOOD:
            return f"{what}: changes nothing"
        if read_metrics(GOOD.replace(old, new))[1] is None:
            return what
    return None
