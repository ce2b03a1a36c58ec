"""A headless Chromium that tests drive as a person would: by keys and by what is written on a page."""
import json
import os
import shutil
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from harness import PASSPHRASE

PICTURES = Path(os.environ.get("GATEHOUSE_PICTURES", "")) if os.environ.get("GATEHOUSE_PICTURES") else None


class Browser:
    """One browser with a profile of its own; it reaches nothing but this machine."""

    def __init__(self, width=1280, height=860, dark=False):
        self.profile = tempfile.mkdtemp(prefix="gatehouse-browser-")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", f"--user-data-dir={self.profile}",
                     "--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-sync",
                     "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1", f"--window-size={width},{height}",
                     "--disable-extensions", "--hide-scrollbars"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.scheme(dark)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def scheme(self, dark):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def size(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def delay(self, milliseconds):
        """Every answer to the page comes that much later."""
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
            "offline": False, "latency": milliseconds, "downloadThroughput": -1, "uploadThroughput": -1})

    def open(self, url):
        self.driver.get(url)

    def wait(self, condition, seconds=30):
        return WebDriverWait(self.driver, seconds, poll_frequency=0.05, ignored_exceptions=(Exception,)).until(lambda _: condition())

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.wait(lambda: self.driver.find_element(By.CSS_SELECTOR, selector))

    def text(self, selector="body"):
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def wait_for_text(self, text, selector="body"):
        try:
            self.wait(lambda: text in self.text(selector))
        except Exception:
            raise AssertionError(f"`{text}` did not appear in: {self.text('body')[:3000]}") from None

    def click(self, find):
        """Clicks a selector, or what a function finds: found anew until it is clicked, for pages draw themselves anew."""
        def act():
            (self.driver.find_element(By.CSS_SELECTOR, find) if isinstance(find, str) else find()).click()
            return True
        self.wait(act)

    def hold(self, method, path, answers=False):
        """Keeps back the page's requests whose address begins so, or what is answered to them, until `let_go`."""
        self.run(HOLD, method, path, answers)

    def wait_for_held(self, count=1):
        self.wait(lambda: self.run("return held.length") == count)

    def let_go(self):
        self.run("fetch = realFetch; for (const go of held.splice(0)) go();")

    def key(self, *keys):
        """Keys for the page: a dialog that is about to go would take them."""
        self.wait(lambda: not self.all("dialog[open]"))
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def go(self, letter):
        self.key("g")
        self.key(letter)

    def log_in(self, gateway, name="ana", passphrase=PASSPHRASE):
        self.open(gateway.site + "/")
        self.one("#name").send_keys(name)
        self.one("#passphrase").send_keys(passphrase, Keys.ENTER)
        self.one("nav a")

    def complaints(self):
        """What the browser complained of: a page that breaks its own policy, scripts that fail."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING") and "favicon" not in entry["message"]]

    def picture(self, name):
        """Keeps a picture where $GATEHOUSE_PICTURES names a folder."""
        if PICTURES:
            PICTURES.mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(PICTURES / f"{name}.png"))


HOLD = r"""
const [method, path, answers] = arguments;
window.realFetch ??= window.fetch;
window.held = [];
window.fetch = async (address, options = {}) => {
  if ((options.method ?? "GET") !== method || !String(address).startsWith(path)) return realFetch(address, options);
  const answer = answers && await realFetch(address, options);
  await new Promise((go) => held.push(go));
  return answer || realFetch(address, options);
};
"""


def accessibility(browser):
    """What a screen reader or a keyboard would stumble over: controls without a name or in another order than they are
    read in, doubled ids, a low contrast."""
    return json.loads(browser.run(CHECK))


# Contrast by WCAG 2.2, 1.4.3: 4.5 to 1 for text; names by the usual ways a control gets one.
CHECK = r"""
const problems = [];
const seen = (e) => { const b = e.getBoundingClientRect(); return b.width > 1 && b.height > 1 && getComputedStyle(e).visibility !== "hidden"; };
const describe = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.className ? "." + e.className : "") + " `" + e.textContent.slice(0, 30) + "`";
for (const e of document.querySelectorAll("button, a[href], input, select, textarea, [role=button], [role=listbox], [role=option]")) {
  if (!seen(e)) continue;
  const named = e.getAttribute("aria-label") || (e.labels && e.labels.length) || e.getAttribute("aria-labelledby") || (!/^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName) && e.textContent.trim());
  if (!named) problems.push("no name: " + describe(e));
}
for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) problems.push("no alt: " + e.src);
const ids = {};
for (const e of document.querySelectorAll("[id]")) { if (ids[e.id]) problems.push("two of #" + e.id); ids[e.id] = 1; }
if (document.documentElement.lang !== "en") problems.push("no language");
if (!document.title) problems.push("no title");
if (document.querySelectorAll("main").length !== 1) problems.push("not one main");
if (document.querySelectorAll("h1").length !== 1) problems.push("not one h1: " + document.querySelectorAll("h1").length);
const parse = (c) => { const n = c.match(/[\d.]+/g).map(Number); return { r: n[0], g: n[1], b: n[2], a: n[3] === undefined ? 1 : n[3] }; };
const light = (c) => { const f = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(c.r) + 0.7152 * f(c.g) + 0.0722 * f(c.b); };
const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a > 0.5) return c; } return { r: 255, g: 255, b: 255 }; };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !seen(e) || e.closest("[disabled], .unseen, svg, script, style, noscript")) continue;
  const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) problems.push("contrast " + ratio.toFixed(2) + ": " + describe(e));
}
// Focus order, WCAG 2.2, 2.4.3: what Tab reaches next stands below or to the right, whatever the style sheet moves.
const stops = [...document.querySelectorAll("button, a[href], input, select, textarea, summary, [tabindex]")].filter((e) => seen(e) && e.tabIndex >= 0 && !e.disabled);
for (const e of stops) {
  if (e.tabIndex > 0) problems.push("a place of its own in the focus order: " + describe(e));
  if (e.closest("[aria-hidden=true]")) problems.push("focus on what is hidden: " + describe(e));
}
const still = stops.filter((e) => { for (let p = e; p; p = p.parentElement) if (/fixed|absolute|sticky/.test(getComputedStyle(p).position)) return false; return true; });
for (let n = 1; n < still.length; n++) {
  const a = still[n - 1].getBoundingClientRect(), b = still[n].getBoundingClientRect();
  if (b.bottom <= a.top && b.left < a.right && still[n - 1].closest(".vbody, .scroll, pre") === still[n].closest(".vbody, .scroll, pre"))
    problems.push("focus goes back up: " + describe(still[n - 1]) + " to " + describe(still[n]));
}
if (document.documentElement.scrollWidth > innerWidth) problems.push("wider than the window: " + document.documentElement.scrollWidth);
return JSON.stringify([...new Set(problems)]);
"""
