"""The HTML status page, in a real browser: at a glance, by itself up to date, safe, everywhere.

With ANYFPM_SCREENSHOTS=DIRECTORY the pictures that the tests take are kept there.
"""

import html.parser
import os
import re
import time

import pytest
from fcgi import Client
from servers import ASAN, ROOT, TOP, wait_for
from web import fetch, fetch_all, in_background

selenium = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.chrome.service import Service  # noqa: E402

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
PAGE = "/status?html"
OPTIONS = {"pm": "static", "pm.max_children": 4, "pm.status_path": "/status"}


@pytest.fixture
def browser(env):
    """Headless Chromium with an empty profile: browser(script=False) has no JavaScript."""
    if ASAN:
        pytest.skip("what runs in a browser is no C")
    drivers = []

    def start(script=True):
        options = selenium.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in ("--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update",
                     "--disable-sync", "--hide-scrollbars", "--disable-dev-shm-usage",
                     f"--user-data-dir={env.dir}/chromium.{len(drivers)}"):
            options.add_argument(flag)
        if ROOT:
            options.add_argument("--no-sandbox")
        if not script:
            options.add_experimental_option("prefs", {
                "profile.managed_default_content_settings.javascript": 2})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = selenium.Chrome(service=Service(DRIVER), options=options)
        drivers.append(driver)
        driver.set_window_size(1200, 1000)
        return driver

    yield start
    for driver in drivers:
        driver.quit()


@pytest.fixture
def site(env, anyfpm, nginx):
    """A pool of the demo program behind nginx."""
    server = anyfpm(env.demo, OPTIONS)
    server.wait_workers(4)
    front = nginx(server)
    front.backend = server
    return front


def url(front, path=PAGE):
    return f"http://127.0.0.1:{front.port}{path}"


def text(driver, selector):
    """In one step: the page exchanges its elements at any time."""
    return driver.execute_script("return document.querySelector(arguments[0]).innerText", selector)


def at_once(driver, pill):
    """Some parts of one state of the page, once its pill says so."""
    shown = driver.execute_script("""return {
        title: document.title, pill: document.querySelector(".pill").innerText,
        workers: document.querySelector("table.workers").innerText}""")
    return shown if shown["pill"] == pill else None


def color_scheme(driver, scheme):
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": scheme}]})


def picture(driver, env, name):
    """A picture of the window; it shows something, and is kept where somebody wants it."""
    png = driver.get_screenshot_as_png()
    directory = os.environ.get("ANYFPM_SCREENSHOTS", env.dir)
    with open(f"{directory}/{name}.png", "wb") as f:
        f.write(png)
    assert png.startswith(b"\x89PNG") and len(png) > 20000, f"{name}: {len(png)} bytes"


def background(driver):
    color = driver.find_element("tag name", "body").value_of_css_property("background-color")
    return sum(int(part) for part in color.strip("rgba()").split(",")[:3])


def test_it_keeps_itself_up_to_date(env, site, browser):
    """New numbers come without a reload; a pool that does not answer is told, and its return."""
    driver = browser()
    driver.get(url(site))
    assert text(driver, "h1") == "www"
    assert text(driver, ".pill") == "serving"
    assert driver.title == "www: 0 of 4 busy"
    assert len(driver.find_elements("css selector", "table.workers tbody tr")) == 4
    assert "Requests since the start: 0" in text(driver, "main")
    assert text(driver, ".card:nth-child(4)").split() == \
        ["Latency", "median", "\u2013", "90", "%:", "\u2013", "99", "%:", "\u2013"]
    assert text(driver, "table.workers td:nth-child(6)") == "\u2013", "no request, no duration"
    assert text(driver, ".scale") == ""
    driver.execute_script("window.mark = 1")
    picture(driver, env, "idle-light")
    fetch_all(site, [f"/item/{i}" for i in range(40)])
    wait_for(lambda: "Requests since the start: 40" in text(driver, "main"), 15, "new numbers")
    slow = [in_background(fetch, site, "/slow?ms=600000") for _ in range(7)]
    shown = wait_for(lambda: at_once(driver, "requests wait"), 15, "the queue to be shown")
    assert shown["title"] == "www: 4 of 4 busy"
    assert "GET /slow?ms=600000" in shown["workers"]
    assert driver.execute_script("return window.mark") == 1, "the page was loaded again"
    assert not driver.find_element("id", "lost").is_displayed()
    site.backend.stop()
    for request in slow:
        request.result()
    wait_for(lambda: driver.find_element("id", "lost").is_displayed(), 15, "the loss to be told")
    assert "Requests since the start:" in text(driver, "main"), "the last numbers stay"
    site.backend.start()
    wait_for(lambda: not driver.find_element("id", "lost").is_displayed(), 15, "the return")
    errors = [e for e in driver.get_log("browser") if "SEVERE" in e["level"] and
              "status of 502" not in e["message"]]
    assert not errors, errors


def test_somebody_elses_page_is_not_taken_for_it(site, browser):
    """Where a session has ended, what stands before the pool answers with a page to log in."""
    driver = browser()
    driver.get(url(site))
    driver.execute_script("window.real = fetch;"
                          "window.fetch = async () => new Response('<title>Log in</title>')")
    wait_for(lambda: driver.find_element("id", "lost").is_displayed(), 15, "the loss to be told")
    assert text(driver, "h1") == "www"
    driver.execute_script("window.fetch = window.real")
    wait_for(lambda: not driver.find_element("id", "lost").is_displayed(), 15, "the return")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen_and_color_scheme(env, site, browser, scheme):
    """Readable on a desk and on a phone, by day and by night; nothing sticks out."""
    fetch_all(site, [f"/shop/item/{i}?color=blue&size={'x' * 60}" for i in range(30)])
    driver = browser()
    color_scheme(driver, scheme)
    for width, name in ((1200, "desk"), (390, "phone"), (320, "small phone")):
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False})
        driver.get(url(site))
        inner, outer = driver.execute_script(
            "return [document.documentElement.scrollWidth, window.innerWidth]")
        assert inner <= outer, f"{name}: {inner} pixels wide in a window of {outer}"
        light = background(driver) > 3 * 128
        assert light == (scheme == "light")
        if width > 320:
            picture(driver, env, f"{name}-{scheme}")


@pytest.mark.parametrize("width", [1200, 390, 320])
def test_template_and_shares(env, anyfpm, nginx, browser, width):
    """With pm.preload: what loads the program, and what each worker shares with it."""
    server = anyfpm(env.demo, {**OPTIONS, "pm.preload": "yes"})
    server.wait_workers(4)
    front = nginx(server)
    fetch_all(front, [f"/item/{i}" for i in range(20)])
    driver = browser()
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False})
    driver.get(url(front))
    inner, outer = driver.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]")
    assert inner <= outer, f"{inner} pixels wide in a window of {outer}"
    shown = text(driver, ".template")
    assert "ready" in shown and "4 workers forked" in shown and "its share" in shown
    assert re.search(r"\d B|KB|MB", text(driver, "table.workers td[data-name=share]"))
    assert len(driver.find_elements("css selector", "table.workers tbody tr")) == 4
    driver.execute_script("document.querySelector('.template').scrollIntoView()")
    picture(driver, env, f"template-{width}")


def test_charts_have_a_scale(site, browser):
    """Where a line is cut, the caption's highest value is not that of the upper rule."""
    driver = browser()
    slow = in_background(fetch, site, "/slow?ms=400")
    while not slow.done():  # in whatever second it ends, others do
        fetch_all(site, ["/item"] * 10)
    fetch_all(site, ["/item"] * 50)
    time.sleep(3)  # the charts show whole points
    driver.get(url(site))
    scales, captions = driver.execute_script("""return [".scale", "figcaption span"].map(
        what => Array.from(document.querySelectorAll(what), e => e.textContent.trim()))""")
    assert captions[0] == f"most {scales[0]}"
    longest = re.fullmatch(r"mean longest, most ([\d.]+) (m?s)", " ".join(captions[1].split()))
    assert float(longest[1]) * (1 if longest[2] == "ms" else 1000) >= 400
    assert re.fullmatch(r"[\d.]+ ms", scales[1]) and float(scales[1].split()[0]) < 400
    assert captions[2].startswith("most")


def test_without_javascript(env, site, browser):
    """All is there without a script, charts too, and the page reloads itself."""
    fetch_all(site, ["/x"] * 5)
    driver = browser(script=False)
    driver.get(url(site))
    assert len(driver.find_elements("css selector", "table.workers tbody tr")) == 4
    assert len(driver.find_elements("css selector", "figure svg path.mean")) == 3
    fetch_all(site, ["/x"] * 5)
    wait_for(lambda: "Requests since the start: 10" in text(driver, "main"), 20, "a reload")


HOSTILE = ("/</script><script>document.title='owned'</script>\"'<img src=x onerror="
           "\"document.title='owned'\">&amp;<!--\n\r\x00\x1b[2J\xff\xc3")


def test_a_hostile_uri_is_text(site, browser):
    """What a client sends is shown, and neither run nor able to end the page."""
    with Client(site.backend.address) as c:
        assert c.request(uri=HOSTILE).status == 200
    driver = browser()
    driver.get(url(site))
    shown = text(driver, "table.workers")
    assert "/</script><script>document.title='owned'</script>" in shown
    assert driver.title == "www: 0 of 4 busy"
    assert not driver.find_elements("css selector", "img")
    assert "serving" in text(driver, ".pill")


class Balance(html.parser.HTMLParser):
    """Whether every element that is opened is closed, and nothing is loaded from elsewhere."""

    VOID = ("meta", "link", "br")

    def __init__(self):
        super().__init__()
        self.open, self.resources = [], []

    def handle_starttag(self, tag, attrs):
        self.resources += [v for k, v in attrs if k in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())


@pytest.mark.parametrize("query", ["html", "html&full"])
def test_one_well_formed_file(site, query):
    """One file without outside resources; full has every number of the other forms."""
    with Client(site.backend.address) as c:
        c.request(uri=HOSTILE)
    reply = fetch(site, "/status?" + query)
    page = reply.body.decode("utf-8")
    parser = Balance()
    parser.feed(page)
    assert not parser.open and parser.resources == ["data:,"]
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert ("requests queue timeout" in page) == ("full" in query)


def test_what_is_selected_stays_while_somebody_copies_it(site, browser):
    driver = browser()
    driver.get(url(site))
    driver.execute_script("document.querySelector('main').id = 'first';"
                          "getSelection().selectAllChildren(document.querySelector('h1'))")
    fetched = "return performance.getEntriesByType('resource').length"
    wait_for(lambda: driver.execute_script(fetched) >= 3, 30, "the page to be fetched anew")
    assert driver.execute_script("return document.querySelector('#first') !== null &&"
                                 "getSelection().toString() === 'www'")
    driver.execute_script("getSelection().removeAllRanges()")
    wait_for(lambda: driver.execute_script("return document.querySelector('#first') === null"),
             30, "the contents to be exchanged")


def luminance(color):
    digits = color if len(color) == 6 else "".join(2 * c for c in color)
    parts = [int(digits[i:i + 2], 16) / 255 for i in (0, 2, 4)]
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colors_can_be_told_apart(scheme):
    """WCAG 2.2, level AA: 4.5 for text (1.4.3), 3 for what is drawn (1.4.11)."""
    with open(TOP + "/pool/status/html.css", encoding="utf-8") as f:
        block = f.read().split(":root {")[scheme + 1].split("}")[0]
    colors = {name: luminance(value)
              for name, value in re.findall(r"--(\w+): #(\w{6}|\w{3});", block)}

    def contrast(one, other):
        low, high = sorted((colors[one], colors[other]))
        return (high + 0.05) / (low + 0.05)
    for name in ("text", "muted"):
        assert contrast(name, "card") >= 4.5 and contrast(name, "page") >= 4.5, name
    for name in ("idle", "warn", "bad"):  # the text upon them has the color of the card
        assert contrast(name, "card") >= 4.5, name
    for name in ("busy", "idle", "other"):
        assert contrast(name, "card") >= 3, name
