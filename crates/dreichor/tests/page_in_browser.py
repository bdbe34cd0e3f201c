"""The page in a real browser, on the stores of a real runtime.

    python3 page_in_browser.py DREICHOR [TEST…]

needs chromium, and the packages playwright and axe-playwright-python. With PAGE_IMAGES=DIRECTORY it also writes an image of
each view there, as docs/OBSERVER.md shows them.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse
import urllib.request

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

DREICHOR = os.path.abspath(sys.argv[1])
VECTORS = pathlib.Path(__file__).resolve().parents[3] / "tests/vectors"
INPUTS = (VECTORS / "inputs.ndjson").read_bytes().splitlines(keepends=True)
MODULES = pathlib.Path(__file__).resolve().parents[2] / "observer/page"
IMAGES = os.environ.get("PAGE_IMAGES")
TOKEN = "a-token-of-thirty-two-characters"

# Nothing takes so long, unless it hangs; in milliseconds.
PATIENCE = 20_000
expect.set_options(timeout=PATIENCE)

INSTANCE = "27ac435a-1710-4110-a051-8ca566ceab36"
BOUGHT = "d752300e-d96a-8783-8681-ae11c2a2c10b"
EVENT = "ac5ad41c-216f-8ffd-b05e-a84435f6b1d9"

# The height of a window, and how many rows its tail follows: as many as it has room for, 22 pixels each.
HEIGHT = 800
ROWS = 37

# Each view with filters, place and order, and what it must show.
ADDRESSES = {
    "": ["Healthy", "0.25 BINANCE_SPOT:M01-USDT", "254 events", "POSITION_ALREADY_OPEN"],
    "constructor": ["There is no such view"],
    "tail": ["SAFETY_EVALUATED", "BLOCK_BUY · POSITION_ALREADY_OPEN"],
    "tail?type=USER_FEEDBACK_RECORDED": ["größer als erwartet #66"],
    "tail?side=BUY&status=FILLED": ["BUY 0.25 BINANCE_SPOT:M01-USDT"],
    "tail?at=785": ["ATTENTION_NEGATIVE", "0 new", "Follow"],
    f"tail?type=SAFETY_EVALUATED&at=86530&open={EVENT}": ["The id is that of the content", f'"id":"{EVENT}"'],
    "tail?from=3&to=3&text=HALT_ALL_ACTIVE": ["HALT · HALT_ALL_ACTIVE"],
    "decisions": ["POSITION_ALREADY_OPEN", "newest first"],
    "decisions?outcome=BLOCKED&outcome=FILLED&order=oldest&from=10": ["BLOCKED", "oldest first"],
    "decisions?at=968": ["ATTENTION_NEGATIVE", "Newest"],
    "funnel": ["POSITION_ALREADY_OPEN", "65"],
    "funnel?by=market&from=10&to=50&paused=1": ["BINANCE_SPOT:M03-USDT", "Go on"],
    "instances": ["0.25 BINANCE_SPOT:M01-USDT", "As of 254 events"],
    f"instances?from=10&to=60&instance={INSTANCE}": ["its decisions", "1 BINANCE_SPOT:M00-USDT"],
    f"decision/{BOUGHT}": ["It bought 0.25 of BINANCE_SPOT:M01-USDT", "224"],
    f"decision/{BOUGHT}?show=all": ["attention.confidenceSufficient"],
    f"decision/{BOUGHT}?show=json": ['"parameterPoolId":"cautious@v1"', "The id is that of the content"],
    "ledger?order=open": ["● open", "the first 229 events"],
    f"proof?line={EVENT}": ["56c91d07de8cdee0534283c9dd9b849628337805665f37e9fc042bf10e7be2d0", "It is line 254"],
}


def tick(time, instance=1, target="M1", **changes):
    """An input that is in no vector."""
    facts = ["attentionMeaningfullyHigher", "stabilityMeetsMinimum", "confidenceSufficient",
             "differencePersistsOverTime", "switchingCostsJustified"]
    return {
        "version": 1, "kind": "TICK", "logicalTime": time,
        "strategyInstanceId": f"00000000-0000-4000-8000-0000000000{instance:02x}",
        "decisionClass": "attention.enter.rotation@v1", "reasonCodes": [],
        "attention": dict.fromkeys(facts, True), "parameterPoolId": "assertive@v1", "targetMarketId": target,
        "safetyGates": {"haltAll": False, "blockBuy": False, "forceSell": False}, **changes,
    }


def comment(time, text):
    target = {"type": "TIME_WINDOW", "from": 1, "to": time}
    return {"version": 1, "kind": "FEEDBACK", "logicalTime": time, "category": "SYSTEM_BEHAVIOR", "target": target,
            "comment": text}


def encoded(inputs):
    return b"".join(json.dumps(one).encode() + b"\n" for one in inputs)


class Stores:
    """Stores in a directory of their own, and a runtime that serves them."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp())
        self.process = None
        self.port = 0
        self.dreichor("init")

    def dreichor(self, *arguments, given=b""):
        command = [DREICHOR, "--data-dir", self.dir / "data", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DREICHOR_")}
        subprocess.run(command, input=given, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True, env=environment)

    def ingest(self, given):
        self.dreichor("ingest", given=given)

    @property
    def log(self):
        return self.dir / "data/audit-events/audit_events.ndjson"

    def run(self, *arguments):
        command = [DREICHOR, "--data-dir", self.dir / "data", "run", "--log-format", "json", "--sandbox", "off",
                   "--observer-addr", f"127.0.0.1:{self.port}", *arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        for line in self.process.stderr:
            said = json.loads(line)
            if "addr" in said:
                self.port = int(said["addr"].rsplit(":", 1)[1])
            if said.get("message") == "READY":
                return self
        raise AssertionError("the runtime did not start")

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"

    def get(self, path):
        with urllib.request.urlopen(f"{self.base}/v1/observe/{path}") as answer:
            return json.load(answer)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()
            self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.dir)


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.playwright = sync_playwright().start()
        # As root, chromium starts only without its own sandbox.
        options = ["--no-sandbox"] if os.getuid() == 0 else []
        cls.browser = cls.playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        cls.vectors = Stores()
        cls.vectors.ingest(b"".join(INPUTS))
        cls.vectors.run()

    @classmethod
    def tearDownClass(cls):
        cls.vectors.close()
        cls.browser.close()
        cls.playwright.stop()

    def setUp(self):
        self.faults = []
        # A browser reports each answer that is not 2xx; a test that causes one says so.
        self.failing_answers_allowed = False

    def tearDown(self):
        failed_answer = "Failed to load resource"
        faults = [fault for fault in self.faults if not (self.failing_answers_allowed and failed_answer in fault)]
        self.assertEqual(faults, [])

    def stores(self, given=b""):
        stores = Stores()
        self.addCleanup(stores.close)
        if given:
            stores.ingest(given)
        return stores

    def page(self, base, **options):
        """A page in a browser that has never been here; whatever goes wrong in it is a fault of the test."""
        options.setdefault("viewport", {"width": 1280, "height": HEIGHT})
        context = self.browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        self.addCleanup(context.close)
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', (event) => console.error('policy', event.violatedDirective))"
        )
        page = context.new_page()
        page.on("console", lambda said: said.type in ("error", "warning") and self.faults.append(said.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith(base) or self.faults.append(asked.url))
        return page

    def open(self, stores, address, **options):
        page = self.page(stores.base, **options)
        page.goto(f"{stores.base}/#/{address}")
        return page

    def settled(self, page, texts):
        """What the view shows, with these texts, once it has read all of its first page."""
        for text in texts:
            expect(page.locator("main")).to_contain_text(text)
        expect(page.locator('[aria-busy="true"]')).to_have_count(0)
        expect(page.locator("main")).not_to_contain_text("Reading…")
        return page.locator("main").inner_text()

    def rows(self, page):
        """What is shown of the lines of the tail."""
        return page.locator(".tail tbody tr:not(.opened) td.type").all_inner_texts()

    def test_each_address_opens_afresh(self):
        for address, texts in ADDRESSES.items():
            with self.subTest(address):
                page = self.open(self.vectors, address)
                shown = self.settled(page, texts)
                page.reload()
                self.assertEqual(self.settled(page, texts), shown)
                page.context.close()

    def test_the_first_request_of_a_view_is_sent_once_and_the_frame_does_not_wait_for_long(self):
        """It is sent before the view is drawn. A view that does not take its answer sends another one."""
        for address in ["", "tail", "tail?side=BUY", "decisions", "decisions?order=oldest&outcome=FILLED"]:
            with self.subTest(address):
                page = self.page(self.vectors.base)
                held, is_open = [], threading.Event()
                page.route("**/v1/observe/**", lambda route: route.continue_() if is_open.is_set() else held.append(route))
                page.goto(f"{self.vectors.base}/#/{address}")
                expect(page.get_by_role("navigation", name="Views")).to_be_visible()
                urls = [route.request.url for route in held]
                self.assertEqual(urls.count(urls[0]), 1, urls)
                self.assertIn("limit=", urls[0])
                is_open.set()
                for route in held:
                    route.continue_()
                expect(page.locator("main tbody tr").first).to_be_visible()
                page.context.close()

    def test_a_tail_follows_pauses_and_counts(self):
        stores = self.stores(b"".join(INPUTS[:10])).run()
        page = self.open(stores, "tail")
        shown = page.locator(".tail tbody tr")
        expect(shown.first).to_be_visible()
        before = stores.get("persistence/audit-events/summary")["totalCount"]
        expect(shown).to_have_count(before)
        stores.ingest(b"".join(INPUTS[10:]))
        expect(shown).to_have_count(ROWS)
        last = stores.get("persistence/audit-events?limit=1")["events"][0]
        expect(shown.last).to_contain_text(last["type"])
        pane = page.locator(".pane.tail")
        self.is_at_end(page)

        pane.hover()
        # Not as far as where the lines before are read.
        page.mouse.wheel(0, -100)
        fresh = page.locator("button.fresh")
        expect(fresh).to_have_text("0 new ↓")
        self.assertIn("at=86530", page.url)
        held = self.rows(page)
        top = self.place(pane)
        stores.ingest(encoded(tick(100 + index) for index in range(30)))
        count = stores.get("persistence/audit-events/summary")["totalCount"] - 254
        expect(fresh).to_have_text(f"{count} new ↓")
        self.assertEqual(self.rows(page)[-ROWS:], held[-ROWS:])
        self.assertEqual(self.place(pane), top)

        again = self.open(stores, page.url.split("#/")[1])
        self.settled(again, ["POSITION_ALREADY_OPEN"])
        self.assertEqual(self.rows(again)[-ROWS:], held[-ROWS:])
        again.get_by_role("button", name="Later lines").click()
        expect(again.locator(".tail tbody tr").last.locator("td.time")).to_have_text("129")

        fresh.click()
        expect(fresh).to_have_count(0)
        expect(shown.last.locator("td.time")).to_have_text("129")
        self.assertNotIn("at=", page.url)
        self.is_at_end(page)

    def place(self, pane):
        """How far the pane is scrolled, once it has come to rest."""
        return pane.evaluate(
            """async (pane) => {
                for (let [top, frames] = [null, 0]; ; frames += 1) {
                    if (pane.scrollTop !== top) [top, frames] = [pane.scrollTop, 0];
                    if (frames === 20) return top;
                    await new Promise(requestAnimationFrame);
                }
            }"""
        )

    def is_at_end(self, page):
        """The end of the tail is in view, once the browser has laid the lines out."""
        page.wait_for_function(
            "() => { const pane = document.querySelector('.pane.tail'); return pane.scrollHeight > pane.clientHeight"
            " && pane.scrollHeight - pane.scrollTop - pane.clientHeight < 2; }"
        )

    def test_a_tail_stays_at_its_end_until_its_reader_scrolls(self):
        """Where rows go, the browser scrolls. If others came before it said so, that once looked as if the reader had scrolled."""
        page = self.page(self.vectors.base)
        page.add_init_script(
            """
            const send = fetch;
            let answer = null;
            window.fetch = async (url, options) => {
                const response = await send(url, options);
                const bytes = await response.arrayBuffer();
                if (String(url).includes("audit-events?")) await answer;
                return new Response(bytes, response);
            };
            window.change = async (hash) => {
                let give;
                answer = new Promise((done) => { give = done; });
                location.hash = hash;
                while (document.querySelector(".tail tbody tr")) await new Promise((done) => setTimeout(done));
                // The browser scrolls now, and says so in its next frame.
                document.querySelector(".pane.tail").getBoundingClientRect();
                give();
            };
            """
        )
        page.goto(f"{self.vectors.base}/#/tail")
        rows = page.locator(".tail tbody tr")
        expect(rows).to_have_count(ROWS)
        for filters in ["?type=SAFETY_EVALUATED", ""] * 5:
            page.evaluate("(hash) => change(hash)", f"#/tail{filters}")
            expect(rows).to_have_count(ROWS)
            self.is_at_end(page)
            expect(page.locator("button.fresh")).to_have_count(0)
        for height in [HEIGHT // 2, HEIGHT]:
            page.set_viewport_size({"width": 1280, "height": height})
            self.is_at_end(page)
        self.assertNotIn("at=", page.url)

    def test_a_window_that_becomes_higher_is_filled(self):
        page = self.open(self.vectors, "tail", viewport={"width": 1280, "height": 400})
        rows = page.locator(".tail tbody tr")
        expect(rows).to_have_count(20)
        page.set_viewport_size({"width": 1280, "height": HEIGHT})
        expect(rows).to_have_count(ROWS)
        self.is_at_end(page)

    def test_a_line_stays_where_it_is_when_it_opens_and_when_others_are_put_before(self):
        """Rows had been replaced since the last change of sizes, which was taken for lines that are put before."""
        stores = self.stores(b"".join(INPUTS)).run()
        page = self.open(stores, "tail")
        pane = page.locator(".pane.tail")
        rows = page.locator(".lines > table > tbody > tr:not(.opened)")
        expect(rows).to_have_count(ROWS)
        self.is_at_end(page)
        for time_ in range(200, 205):
            stores.ingest(encoded([tick(time_)]))
            expect(rows.last.locator("td.time")).to_have_text(str(time_))
        self.place(pane)
        row = rows.nth(ROWS - 4)
        top = row.bounding_box()["y"]
        row.locator("[data-row]").click()
        expect(page.locator(".bytes")).to_be_visible()
        self.place(pane)
        self.assertAlmostEqual(row.bounding_box()["y"], top, delta=1)

        # Not by a click, which scrolls to the button.
        page.get_by_role("button", name="Earlier lines").dispatch_event("click")
        expect(rows).to_have_count(ROWS + 100)
        self.place(pane)
        self.assertAlmostEqual(rows.nth(ROWS + 100 - 4).bounding_box()["y"], top, delta=1)

    def test_reading_back_reaches_the_first_line(self):
        page = self.open(self.vectors, "tail")
        rows = page.locator(".tail tbody tr")
        expect(rows).to_have_count(ROWS)
        # The click scrolls to the button, and so may read one more page.
        page.get_by_role("button", name="Earlier lines").click()
        expect(rows).not_to_have_count(ROWS)
        # Where lines are put before, the pane keeps its place: the next ones are read once it is scrolled up again.
        page.wait_for_function(
            "() => { document.querySelector('.pane.tail').scrollTop = 0; return document.querySelectorAll('.tail tbody tr').length === 254; }",
            polling=50,
        )
        expect(page.get_by_text("The log begins here.")).to_be_attached()

    def test_filters_of_any_field(self):
        page = self.open(self.vectors, "tail")
        expect(page.locator(".tail tbody tr")).to_have_count(ROWS)
        page.keyboard.press("/")
        page.keyboard.type("type=SAFETY_EVALUATED")
        page.keyboard.press("Enter")
        expect(page.locator(".chip")).to_have_text("type=SAFETY_EVALUATED×")
        expect(page.locator(".tail tbody tr")).to_have_count(ROWS)
        page.get_by_role("button", name="Earlier lines").click()
        expect(page.locator(".tail tbody tr")).to_have_count(65)
        self.assertEqual(set(self.rows(page)), {"SAFETY_EVALUATED"})
        # A field that the API has no filter for.
        page.get_by_role("button", name="SAFETY_EVALUATED").last.click()
        page.get_by_role("link", name="Filter by reason").click()
        expect(page.locator(".chip")).to_have_count(2)
        expect(page.locator(".tail tbody tr")).to_have_count(17)
        page.get_by_label("Remove the filter type=SAFETY_EVALUATED").click()
        expect(page.locator(".chip")).to_have_count(1)
        expect(page.locator(".chip")).to_have_text("reason=POSITION_ALREADY_OPEN×")
        page.go_back()
        expect(page.locator(".chip")).to_have_count(2)

    def test_a_line_opens_to_its_exact_bytes(self):
        lines = self.vectors.log.read_text().splitlines()
        page = self.open(self.vectors, "tail?type=USER_FEEDBACK_RECORDED")
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.vectors.base)
        rows = page.locator(".tail tbody tr:not(.opened) button[data-row]")
        expect(rows).to_have_count(6)
        # This comment has a tab, a line feed and U+0001.
        rows.nth(4).click()
        line = next(line for line in lines if "tab\\t" in line)
        expect(page.locator(".bytes")).to_have_text(line)
        page.get_by_role("button", name="Copy", exact=True).click()
        expect(page.locator(".status")).to_have_text("Copied.")
        self.assertEqual(page.evaluate("navigator.clipboard.readText()"), line)
        href = page.get_by_role("link", name="Link", exact=True).get_attribute("href")
        again = self.open(self.vectors, href.removeprefix("#/"))
        expect(again.locator(".bytes")).to_have_text(line)
        # A link to a line that is not among the rows.
        far = self.open(self.vectors, f"tail?open={json.loads(lines[0])['id']}")
        expect(far.locator(".elsewhere .bytes")).to_have_text(lines[0])
        expect(far.locator(".elsewhere")).to_contain_text("Line 1,")

    def test_keys(self):
        page = self.open(self.vectors, "")
        expect(page.locator("tbody tr")).to_have_count(15)
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        second = page.locator("tbody tr").nth(1)
        expect(second.locator("[data-row]")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("a8a4aef9")
        expect(page.locator('[data-step="previous"]')).to_be_visible()
        page.keyboard.press("[")
        expect(page.locator("h1")).not_to_contain_text("a8a4aef9")
        expect(page.locator('[data-step="next"]')).to_be_visible()
        page.keyboard.press("]")
        expect(page.locator("h1")).to_contain_text("a8a4aef9")
        page.keyboard.press("2")
        expect(page.locator("h1")).to_have_text("Tail")
        expect(page.locator(".tail tbody tr")).to_have_count(ROWS)
        page.keyboard.press("j")
        last = page.locator(".tail tbody tr:not(.opened)").last
        expect(last.locator("[data-row]")).to_be_focused()
        self.assertIn("at=86530", page.url)
        page.keyboard.press("Enter")
        expect(page.locator(".bytes")).to_contain_text(EVENT)
        page.keyboard.press("p")
        expect(page.locator("button.fresh")).to_have_count(0)
        page.keyboard.press("p")
        expect(page.locator("button.fresh")).to_have_text("0 new ↓")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("the next, the previous row")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)

    def test_each_number_of_the_funnel_leads_to_its_decisions(self):
        page = self.open(self.vectors, "funnel")
        links = {}
        for by in ["", "instance", "market", "class", "pool"]:
            page.goto(f"{self.vectors.base}/#/funnel" + (f"?by={by}" if by else ""))
            expect(page.locator("main")).to_contain_text(f"By {by}" if by else "What became of them")
            for link in page.locator("main td.number a").all():
                links[link.get_attribute("href")] = int(link.inner_text())
        self.assertGreater(len(links), 40)
        for address, number in links.items():
            with self.subTest(address):
                page.goto(f"{self.vectors.base}/{address}")
                for name, value in urllib.parse.parse_qsl(address.partition("?")[2]):
                    expect(page.locator(".filters")).to_contain_text(f"{name}={value}")
                rows = page.locator("main.view-decisions tbody tr")
                expect(rows).to_have_count(min(number, 50))
                for before in range(50, number, 50):
                    page.get_by_role("link", name="Earlier").click()
                    expect(rows).to_have_count(min(number - before, 50))
                expect(page.get_by_role("link", name="Earlier")).to_have_count(0)

    def test_hostile_comments_are_text(self):
        comments = {
            "<img src=x onerror=alert(1)><script>alert(2)</script>": "<img src=x onerror=alert(1)>",
            "price \u202e0.1\u202c \u2066x\u2069 \u200f": "price \\u202E0.1\\u202C",
            "one\u2028two\u2029three": "one\\u2028two\\u2029three",
            "nul \u0000 escape \u001b[31m delete \u007f next \u0085": "nul \\u0000 escape \\u001B[31m delete \\u007F",
            "a" + "\u0301" * 2047: "a\u0301\u0301\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301 and",
            "zero\u200bwidth \ufeff \U000e0041 \u3164": "zero\\u200Bwidth \\uFEFF \\u{E0041}",
            "${alert(3)} {{4}} </td></table> &lt;": "${alert(3)} {{4}} </td></table> &lt;",
            "x" * 4096: "x" * 60,
        }
        given = encoded(comment(10 + index, text) for index, text in enumerate(comments))
        stores = self.stores(encoded([tick(1)]) + given).run()
        page = self.open(stores, "tail?type=USER_FEEDBACK_RECORDED")
        rows = page.locator(".tail tbody tr:not(.opened)")
        expect(rows).to_have_count(len(comments))
        heights = [row.bounding_box()["height"] for row in rows.all()]
        self.assertLess(max(heights) - min(heights), 1)
        lines = [line for line in stores.log.read_text().split("\n") if "USER_FEEDBACK" in line]
        for index, (text, shown) in enumerate(comments.items()):
            with self.subTest(text[:20]):
                expect(rows.nth(index)).to_contain_text(shown)
                rows.nth(index).locator("[data-row]").click()
                written = json.dumps(text, ensure_ascii=False)[1:20]
                self.assertIn(written.encode(), lines[index].encode())
                expect(page.locator(".bytes")).to_have_count(1)
                whole = page.locator(".bytes").inner_text()
                self.assertFalse(re.search("[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", whole))
                rows.nth(index).locator("[data-row]").click()
                expect(page.locator(".bytes")).to_have_count(0)
        self.assertEqual(page.locator("img, main script").count(), 0)
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 1280)

    def test_proofs_are_computed_in_the_browser(self):
        # Its modules, each by itself.
        page = self.page(self.vectors.base, bypass_csp=True)
        page.route("**/modules/*.js", lambda route: route.fulfill(path=MODULES / route.request.url.rsplit("/", 1)[1]))
        page.goto(self.vectors.base)
        script = """async (length) => {
            const { hex, sha256 } = await import("/modules/sha256.js");
            return Array.from({ length }, (_, count) => hex(sha256(new Uint8Array(count).fill(count))));
        }"""
        found = page.evaluate(script, 150)
        self.assertEqual(found, [hashlib.sha256(bytes([count]) * count).hexdigest() for count in range(150)])
        # Every pair of sizes of a small log; then with one digit of the path changed.
        heads = {size: self.root(size) for size in range(1, 40)}
        cases = [[a, b, self.vectors.get(f"persistence/proof/consistency?from={a}&to={b}")["path"]]
                 for a in range(1, 40, 3) for b in range(a + 1, 40, 4)]
        script = """async ([heads, cases]) => {
            const { checkConsistency } = await import("/modules/tree.js");
            const holds = (a, b, path) => { try { checkConsistency(a, b, path); return true; } catch { return false; } };
            const head = (size) => ({ treeSize: size, rootHash: heads[size] });
            const wrong = (path) => path.map((hash, at) => path.with(at, (hash[0] === "0" ? "1" : "0") + hash.slice(1)));
            return cases.flatMap(([a, b, path]) => [
                holds(head(a), head(b), path),
                ...wrong(path).map((changed) => !holds(head(a), head(b), changed)),
                !holds(head(a), head(b), path.slice(1)),
                !holds(head(a), head(b), [...path, heads[1]]),
                !holds({ treeSize: a, rootHash: heads[b] }, head(b), path),
            ]);
        }"""
        results = page.evaluate(script, [heads, cases])
        self.assertGreater(len(results), 500)
        self.assertTrue(all(results))

    def root(self, size):
        """The root of the first events of the vectors, computed here."""
        lines = self.vectors.log.read_bytes().split(b"\n")[:size]
        level = [hashlib.sha256(b"\0{" + line[line.index(b'"type"'):]).digest() for line in lines]
        while len(level) > 1:
            pairs = [hashlib.sha256(b"\1" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
            level = pairs + (level[-1:] if len(level) % 2 else [])
        return level[0].hex()

    def test_a_history_that_was_changed_is_found(self):
        stores = self.stores(b"".join(INPUTS[:30])).run()
        page = self.open(stores, "proof")
        page.get_by_role("button", name="Keep this head").click()
        expect(page.locator(".verdict .good")).to_have_text("✓ the log begins with it")
        stores.ingest(b"".join(INPUTS[30:]))
        expect(page.locator(".verdict .good")).to_contain_text("by ")
        expect(page.locator(".big")).to_have_text("254 events")
        # The same address, another and longer history.
        stores.stop()
        shutil.rmtree(stores.dir / "data")
        stores.dreichor("init")
        stores.ingest(INPUTS[0] + encoded(tick(10 + index) for index in range(200)))
        self.failing_answers_allowed = True
        stores.run()
        expect(page.locator(".verdict .bad")).to_contain_text("changed")
        expect(page.get_by_label("Changed history")).to_contain_text("The history was changed")
        page.reload()
        expect(page.locator(".verdict .bad")).to_contain_text("its first events are not those of the kept head")
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_label("Changed history")).to_have_count(0)
        # A head from elsewhere.
        page.locator("textarea").fill(f'{{"treeSize":254,"rootHash":"{"0" * 64}"}}')
        page.get_by_role("button", name="Keep and compare").click()
        expect(page.locator(".verdict .bad")).to_contain_text("changed")

    def test_a_token_is_asked_for_and_kept_in_memory(self):
        self.failing_answers_allowed = True
        stores = self.stores(b"".join(INPUTS))
        token = stores.dir / "token"
        token.touch(mode=0o600)
        token.write_text(TOKEN)
        stores.run("--observer-token-file", token)
        page = self.open(stores, "decisions")
        field = page.get_by_role("dialog").get_by_label("Token")
        field.fill("x" * 32)
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("refused")
        field.fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("tbody tr")).to_have_count(50)
        expect(page.get_by_role("dialog")).to_have_count(0)
        kept = page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])")
        self.assertNotIn(TOKEN, kept)
        page.reload()
        expect(field).to_be_visible()

    def test_a_store_that_breaks_is_shown(self):
        self.failing_answers_allowed = True
        stores = self.stores(b"".join(INPUTS)).run()
        page = self.open(stores, "")
        expect(page.locator(".card .big").first).to_have_text("● Healthy")
        whole = stores.log.read_bytes()
        at = whole.index(b"SAFETY_EVALUATED", 40_000)
        line = whole[:at].count(b"\n") + 1
        with open(stores.log, "r+b") as log:
            log.seek(at)
            log.write(b"X")
        expect(page.locator(".health")).to_contain_text("not ready")
        trouble = page.locator("main > .trouble").first
        expect(trouble).to_contain_text("A store breaks its contract")
        expect(trouble).to_contain_text(f"line{line}")
        expect(trouble).to_contain_text("audit_events.ndjson")
        expect(page.locator(".card.is-bad")).to_contain_text("Not healthy")
        with open(stores.log, "r+b") as log:
            log.seek(at)
            log.write(b"S")
        expect(page.locator(".card .big").first).to_have_text("● Healthy")
        expect(page.locator("main > .trouble")).to_have_count(0)
        # The runtime ends, and is there again.
        stores.stop()
        expect(page.get_by_label("Connection")).to_contain_text("does not answer")
        stores.run()
        expect(page.get_by_label("Connection")).to_have_count(0)
        expect(page.locator(".health")).to_contain_text("ready")

    def test_numbers_keep_their_digits(self):
        last = 2**53 - 1
        stores = self.stores(encoded([tick(last, parameterPoolId="cautious@v1")])).run()
        page = self.open(stores, f"instances?instance=00000000-0000-4000-8000-000000000001")
        shown = f"{last + 10:,}".replace(",", "\u202f")
        expect(page.locator(".details")).to_contain_text(shown)
        page = self.open(stores, "decisions")
        expect(page.locator("td.time")).to_have_text(f"{last:,}".replace(",", "\u202f"))
        page.locator("td.decision a").click()
        expect(page.get_by_text("Next →")).to_have_attribute("aria-disabled", "true")

    def test_nothing_is_there_yet(self):
        stores = self.stores().run()
        for address in ["", "tail", "decisions", "funnel", "instances", "ledger", "proof"]:
            with self.subTest(address):
                page = self.open(stores, address)
                expect(page.locator(".health")).to_contain_text("0 events")
                expect(page.locator("main .trouble")).to_have_count(0)
                expect(page.locator("main")).not_to_contain_text("Reading")
                page.context.close()

    def test_everyone_can_use_each_view(self):
        axe = Axe()
        addresses = [address for address in ADDRESSES if "at=" not in address] + ["nothing"]
        for scheme in ["light", "dark"]:
            page = self.page(self.vectors.base, color_scheme=scheme, reduced_motion="reduce")
            for address in addresses:
                with self.subTest(address, scheme=scheme):
                    page.goto(f"{self.vectors.base}/#/{address}")
                    for text in ADDRESSES.get(address, ["There is no such view"]):
                        expect(page.locator("main")).to_contain_text(text)
                    found = axe.run(page).response["violations"]
                    self.assertEqual([(fault["id"], [node["html"] for node in fault["nodes"]][:3]) for fault in found], [])
            moving = "[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionDuration !== '0s').length"
            self.assertEqual(page.evaluate(moving), 0)
            page.keyboard.press("?")
            expect(page.get_by_role("dialog")).to_be_visible()
            self.assertEqual(axe.run(page).response["violations"], [])

    def test_a_narrow_screen_shows_each_view(self):
        page = self.page(self.vectors.base, viewport={"width": 320, "height": 640})
        for address, texts in ADDRESSES.items():
            with self.subTest(address):
                page.goto(f"{self.vectors.base}/#/{address}")
                for text in texts:
                    expect(page.locator("main")).to_contain_text(text)
                widths = page.evaluate("[document.documentElement.scrollWidth, document.querySelector('main').scrollWidth]")
                self.assertLessEqual(max(widths), 320)

    @unittest.skipUnless(IMAGES, "PAGE_IMAGES names no directory for images")
    def test_images(self):
        views = {
            "overview": "", "tail": f"tail?at=86530&open={EVENT}", "decisions": "decisions", "funnel": "funnel?by=market",
            "instances": f"instances?instance={INSTANCE}", "decision": f"decision/{BOUGHT}", "ledger": "ledger",
            "proof": f"proof?line={EVENT}",
        }
        for name, address in views.items():
            scheme = "dark" if name in ("tail", "instances", "proof") else "light"
            page = self.open(self.vectors, address, color_scheme=scheme, viewport={"width": 960, "height": 560})
            if name == "proof":
                page.get_by_role("button", name="Keep this head").click()
                expect(page.locator(".verdict .good")).to_be_visible()
            for text in ADDRESSES.get(address, []):
                expect(page.locator("main")).to_contain_text(text)
            expect(page.locator(".health")).to_contain_text("254 events")
            page.screenshot(path=f"{IMAGES}/page-{name}.png", animations="disabled")


if __name__ == "__main__":
    # Processes of a test end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
