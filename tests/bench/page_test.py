"""The page of measurements: every kind of row is on it, and it is refused where a reader would miss something."""
import re
import sys
import unittest

import page
import page_check

SPREAD = {"median": 1.1, "least": 0.9, "most": 1.4, "rounds": 3}
MEMORY = {f"{name}_{key}_kib": 4096 for name in ("sensor", "receiver") for key in ("rss", "pss", "private_dirty", "peak")}
HELD = {"kind": "footprint", "pss_kib": 9000, "kernel_kib": 8300, "peak_kib": 20000, **MEMORY}
ROWS = {
    "What being watched costs": [
        {"kind": "overhead", "workload": "http1", "mode": mode, "figure": figure, "unit": unit, **SPREAD}
        for mode in ("empty", "on") for figure, unit in (("requests_per_s", "ratio to off"), ("p99_us", "ratio to off"),
                                                         ("server_cpu_added_ns_per_request", "ns"))],
    "In the kernel": [{"kind": "in-kernel", "workload": "http1", "program": program, "runs_per_request_and_end": 2.0, **SPREAD}
                      for program in ("syscall_exit", "all")],
    "Sensor and receiver": [
        {"kind": "overhead", "workload": "http1", "mode": "on", "figure": f"{name}_{figure}", "unit": "", **SPREAD}
        for name in ("sensor", "receiver") for figure in ("cpu_ns_per_request", "wakeups_per_s")],
    "A process that is not watched": [
        {"kind": "untraced", "call": "getppid", "mode": mode, **SPREAD} for mode in ("off", "on")],
    "Memory": [{**HELD, "stage": "start", "sensor_start_seconds": 0.9, "receiver_start_seconds": 0.1},
               {**HELD, "stage": "fast", "requests_per_s": 20000.0, "connections": 10000},
               {**HELD, "stage": "churn 1"}, {**HELD, "stage": "churn 2"},
               {"kind": "growth", "first": 1, "rounds": 2, "pss_kib": 0, "kernel_kib": 0}],
    "Completeness": [
        {"kind": "completeness", "generator": "http1-keep-alive", "requests": 100, "per_s": 9.5, "server_spans": 100,
         "client_spans": 99, "server_missing": 0, "client_missing": 1, "surplus": 0, "accounted": True,
         "losses": {"shmotel.sensor.ring.lost{reason=full}": 1}}],
    "Encoding": [
        {"bench": "encode", "case": "wire_encoder", "ns_per_span": 100.0, "bytes_per_span": 440, "ratio_to_floor": 3.2}],
    "Parsing": [
        {"bench": "parse", "protocol": "http1", "connections": 10000, "ns_per_exchange": 500.0, "floor_memchr_ns": 45.0,
         "record_bytes_per_exchange": 472}],
    "The ring": [{"bench": "ring", "case": "throughput", "record_bytes": 64, "batch": 1, "ns_per_record": 8.0,
                  "floor_ns_per_record": 5.0, "rounds": 3, "floor_rounds": 3}],
}
MACHINE = {"kind": "machine", "time": "now", "processor": "a <fast> one", "processors": 2, "memory_mib": 1024, "kernel": "6.18",
           "load_average": [0.1, 0.2, 0.3], "commit": "abc", "shmotel": "0.1", "programs": {"nginx": "1.22"}}


def whole():
    return page.page([MACHINE] + [row for rows in ROWS.values() for row in rows])


class Page(unittest.TestCase):
    def test_every_section_stands_where_it_has_rows_and_nowhere_else(self):
        for title, rows in ROWS.items():
            with self.subTest(title):
                headings = re.findall("<h2>(.*?)</h2>", page.page(rows))
                self.assertEqual(headings, [title])
        self.assertEqual(re.findall("<h2>(.*?)</h2>", whole()), list(ROWS))

    def test_what_machines_say_is_text(self):
        self.assertIn("a &lt;fast&gt; one", whole())

    def test_a_parser_finds_nothing_wrong(self):
        self.assertEqual(page_check.by_parser(whole()), [])

    def test_a_parser_finds_what_is_fetched_and_what_is_left_open(self):
        for wrong in ('<img src="http://example.com/">', '<link href="style.css">', "<p>",
                      "<style>p { background: url(a.png) }</style>"):
            with self.subTest(wrong):
                self.assertTrue(page_check.by_parser(whole().replace("</body>", wrong + "</body>")))


@unittest.skipUnless(page_check.browser(), "chromium is not installed")
class Browser(unittest.TestCase):
    def test_a_browser_shows_all_of_it(self):
        self.assertEqual(page_check.by_browser(whole()), [])

    def test_a_browser_finds_a_label_that_is_cut_off(self):
        name = "a workload with a name that is far too long to stand before its bar"
        row = {**ROWS["In the kernel"][1], "workload": name}
        self.assertIn("is cut off", " ".join(page_check.by_browser(page.page([row]))))

    def test_a_browser_finds_what_is_too_wide(self):
        wide = '<div style="width: 5000px">wide</div></body>'
        self.assertEqual(page_check.by_browser(whole().replace("</body>", wide)), ["wider than the window"])


if __name__ == "__main__":
    if not page_check.browser():
        print("without chromium: the page is not laid out", file=sys.stderr)
    unittest.main()
