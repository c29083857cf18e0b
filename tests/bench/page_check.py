"""Whether a page stands alone and can be read: by a parser, and as a headless browser lays it out."""
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

SECONDS = 120
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# Added to a copy of the page. Leaves what it found in an element of its own, which --dump-dom prints.
PROBE = """<script>
addEventListener("load", () => {
    const wrong = [], plots = document.querySelectorAll("svg");
    for (const plot of plots) {
        const name = plot.getAttribute("aria-label"), frame = plot.getBoundingClientRect();
        if (frame.width < 50 || frame.height < 20) wrong.push(`${name}: not shown`);
        for (const shape of plot.querySelectorAll("text, rect, path, polyline")) {
            const box = shape.getBoundingClientRect();
            if (box.left < frame.left - 1 || box.right > frame.right + 1 ||
                box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
                wrong.push(`${name}: ${shape.tagName} ${shape.textContent} is cut off`);
        }
    }
    if (document.documentElement.scrollWidth > innerWidth) wrong.push("wider than the window");
    const found = document.createElement("pre");
    found.id = "probe";
    found.textContent = JSON.stringify({wrong, plots: plots.length, tables: document.querySelectorAll("table").length,
                                        height: document.documentElement.scrollHeight});
    document.body.append(found);
});
</script>"""


class Elements(html.parser.HTMLParser):
    """Every element is closed, and nothing is fetched from anywhere."""
    VOID = {"meta", "link", "img", "br", "hr", "input"}

    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attrs):
        self.wrong += [f"{tag} fetches {value}" for name, value in attrs if name in ("src", "href", "data", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_data(self, data):
        if self.open[-1:] == ["style"]:
            self.wrong += [f"the style fetches: {found}" for found in re.findall(r"url\(.*|@import.*", data)]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"unexpected end of {tag}")


def by_parser(source):
    """What is wrong with the page."""
    seen = Elements()
    seen.feed(source)
    return seen.wrong + [f"{tag} is not closed" for tag in seen.open]


def browser():
    """The path of a browser, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def run_browser(directory, height, *arguments):
    return subprocess.run([browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                           f"--window-size=1100,{height}", f"--user-data-dir={directory}/profile", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=SECONDS)


def by_browser(source, picture=None):
    """What is wrong with the page as it is laid out; `picture`: where to paint it."""
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / "page.html"
        file.write_text(source.replace("</body>", PROBE + "</body>"), encoding="utf-8")
        done = run_browser(directory, 1000, "--dump-dom", file.as_uri())
        found = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
        if not found:
            return [f"the browser does not show it: {done.stderr[-500:]}"]
        seen = json.loads(html.unescape(found.group(1)))
        if picture:
            file.write_text(source, encoding="utf-8")
            run_browser(directory, seen["height"] + 100, f"--screenshot={pathlib.Path(picture).resolve()}", file.as_uri())
    for what, tag in (("plots", "<svg"), ("tables", "<table")):
        if seen[what] != source.count(tag):
            seen["wrong"].append(f"the browser has {seen[what]} {what}, the page {source.count(tag)}")
    return seen["wrong"]


def check_page(source, picture=None):
    """What is wrong, and who looked."""
    wrong = by_parser(source)
    if not browser():
        return wrong, "a parser only, as there is no chromium"
    return wrong or by_browser(source, picture), "chromium"
