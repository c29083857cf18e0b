"""Read OTLP/JSON lines, as the file exporters of the receiver and of the Collector write them."""
import json
import pathlib

from harness import Failure, check, wait_for

SERVER, CLIENT = 2, 3
SIDES = {SERVER: "server ", CLIENT: "client ", None: ""}
KINDS = {"SPAN_KIND_SERVER": SERVER, "SPAN_KIND_CLIENT": CLIENT}
ERROR = 2
STATUSES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": ERROR}
DELTA, CUMULATIVE = 1, 2
TEMPORALITIES = {"AGGREGATION_TEMPORALITY_DELTA": DELTA, "AGGREGATION_TEMPORALITY_CUMULATIVE": CUMULATIVE}


def attribute_value(value):
    """The plain value of an OTLP AnyValue."""
    for kind, inner in value.items():
        if kind == "intValue":
            return int(inner)
        if kind == "arrayValue":
            return [attribute_value(item) for item in inner.get("values", [])]
        return inner
    return None


def attributes_of(holder):
    """{key: value}; a key that is there twice is an error in what was exported."""
    pairs = [(pair["key"], attribute_value(pair["value"])) for pair in holder.get("attributes", [])]
    check(len(dict(pairs)) == len(pairs), f"an attribute is there twice: {pairs}")
    return dict(pairs)


class Span:
    def __init__(self, raw, scope, resource, schema_url):
        self.name = raw["name"]
        self.kind = KINDS.get(raw["kind"], raw["kind"])
        self.trace_id = raw["traceId"]
        self.span_id = raw["spanId"]
        self.parent_span_id = raw.get("parentSpanId", "")
        self.flags = raw.get("flags", 0)
        self.start = int(raw["startTimeUnixNano"])
        self.end = int(raw["endTimeUnixNano"])
        code = raw.get("status", {}).get("code", 0)
        self.status = STATUSES.get(code, code)
        self.message = raw.get("status", {}).get("message", "")
        self.attributes = attributes_of(raw)
        self.resource = resource
        self.scope = scope
        self.schema_url = schema_url

    @property
    def target(self):
        """What was asked for, whichever side the span is of: the path and query, or the full URL."""
        query = self.attributes.get("url.query")
        path = self.attributes.get("url.path", "") + (f"?{query}" if query else "")
        return self.attributes.get("url.full", path)

    def __repr__(self):
        return f"<{SIDES.get(self.kind)}span {self.name} {self.attributes} of {self.resource.get('service.name')}>"


class Series:
    """One histogram or sum of one resource with one set of attributes, as last reported."""

    def __init__(self, metric, point, data, resource):
        self.metric = metric["name"]
        self.unit = metric.get("unit", "")
        temporality = data.get("aggregationTemporality")
        self.temporality = TEMPORALITIES.get(temporality, temporality)
        self.attributes = attributes_of(point)
        self.resource = resource
        self.start = int(point.get("startTimeUnixNano", 0))
        self.time = int(point["timeUnixNano"])
        self.count = int(point.get("count", 0))
        self.sum = float(point.get("sum", 0))
        self.value = float(point.get("asInt", point.get("asDouble", 0)))
        self.bounds = point.get("explicitBounds", [])
        self.buckets = [int(count) for count in point.get("bucketCounts", [])]
        self.exemplars = point.get("exemplars", [])

    def identity(self):
        return json.dumps([self.metric, self.attributes, self.resource, self.start], sort_keys=True)


class Telemetry:
    """What has been written to a file so far. An unfinished last line is left for the next look."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.offset = 0
        self.spans = []
        self.points = []

    def read(self):
        if not self.path.exists():
            return self
        with open(self.path, "rb") as lines:
            lines.seek(self.offset)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self.offset += len(line)
                self.add(json.loads(line))
        return self

    def add(self, request):
        for entry in request.get("resourceSpans", []):
            resource = attributes_of(entry.get("resource", {}))
            for group in entry.get("scopeSpans", []):
                schema_url = group.get("schemaUrl") or entry.get("schemaUrl", "")
                scope = group.get("scope", {})
                self.spans += [Span(raw, scope, resource, schema_url) for raw in group.get("spans", [])]
        for entry in request.get("resourceMetrics", []):
            resource = attributes_of(entry.get("resource", {}))
            for group in entry.get("scopeMetrics", []):
                for metric in group.get("metrics", []):
                    self.add_metric(metric, resource)

    def add_metric(self, metric, resource):
        for kind in ("histogram", "exponentialHistogram", "sum", "gauge"):
            data = metric.get(kind, {})
            self.points += [Series(metric, point, data, resource) for point in data.get("dataPoints", [])]

    def matching(self, marker, kind=None):
        """The spans whose path, query or URL contains the marker."""
        return [span for span in self.read().spans if marker in span.target and kind in (None, span.kind)]

    def series(self, metric):
        """The last cumulative point of every series of a metric."""
        last = {}
        for point in self.read().points:
            if point.metric == metric:
                last[point.identity()] = point
        return list(last.values())

    def wait_spans(self, marker, count, kind=None, seconds=20):
        """Wait until at least `count` spans match and return them."""
        def enough():
            found = self.matching(marker, kind)
            return found if len(found) >= count else None
        try:
            return wait_for("spans", enough, seconds)
        except Failure:
            found = self.matching(marker, kind)
            raise Failure(f"{len(found)} {SIDES[kind]}spans with {marker!r} after {seconds} s, expected {count}; "
                          f"{len(self.spans)} spans in all; found {self.matching(marker)[:4]}") from None

    def wait_span(self, marker, kind, seconds=20):
        """Wait for the one span that matches; more than one is a Failure."""
        found = self.wait_spans(marker, 1, kind, seconds)
        check(len(found) == 1, f"{len(found)} spans with {marker!r}, expected one: {found}")
        return found[0]

    def wait_pair(self, marker, seconds=20):
        """Wait for what matches at both ends, the one span of the server and that of the client."""
        return [self.wait_span(marker, kind, seconds) for kind in (SERVER, CLIENT)]


def watch(host, *sensor_options):
    """Start both programs and return what the receiver exports to its file."""
    host.sensor(*sensor_options)
    host.receiver()
    return Telemetry(host.out / "otlp.jsonl")
