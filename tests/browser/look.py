#!/usr/bin/env python3
"""Opens pages in Chromium and checks them in light and dark, wide and narrow.

    look.py OUT PAGE...

Of each page it writes pictures and a PDF to the directory OUT. It fails if a page requests anything, logs an error, runs a
script, is wider than its window, or has text of too little contrast. Exits with 77 if no Chromium is found.
Chromium is driven by its DevTools protocol over a pipe, which needs no other program or library.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile

WINDOWS = {"wide": (1600, 1000, False), "phone": (390, 844, True)}
SCHEMES = ("light", "dark")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SKIPPED = 77
# Longer pages are cut in pictures.
TALLEST = 6000

# The ratios of WCAG 2, level AA.
CONTRAST = """(() => {
  const parse = (text) => { const m = text.match(/[\\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const behind = (node) => { for (; node; node = node.parentElement) { const colour = parse(getComputedStyle(node).backgroundColor); if (colour[3] > 0) return colour; } return [255, 255, 255, 1]; };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || node.closest('svg')) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(parse(style.color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.add(`${ratio.toFixed(2)} ${node.className || node.tagName}: ${walk.currentNode.data.trim().slice(0, 40)}`);
  }
  return [...found].slice(0, 5);
})()"""

# What sticks out of the window, or of the box that it is in.
OVERFLOW = """(() => {
  const width = document.documentElement.clientWidth;
  const found = [];
  if (document.documentElement.scrollWidth > width) found.push(`the page: ${document.documentElement.scrollWidth} of ${width}`);
  for (const node of document.body.querySelectorAll('*')) {
    if (node.closest('svg') && node.tagName !== 'svg') continue;
    const box = node.getBoundingClientRect();
    if (box.width > 0 && (box.right > width + 1 || box.left < -1)) found.push(`${node.tagName}.${node.getAttribute('class')}: ${Math.round(box.left)}-${Math.round(box.right)}`);
  }
  return found.slice(0, 5);
})()"""

# What a person with a screen reader needs.
STRUCTURE = """(() => {
  const found = [];
  const levels = [...document.querySelectorAll('h1,h2,h3,h4')].map((node) => Number(node.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) found.push('not one h1');
  levels.forEach((level, at) => { if (at && level > levels[at - 1] + 1) found.push(`h${level} after h${levels[at - 1]}`); });
  for (const node of document.querySelectorAll('[aria-labelledby]')) if (!document.getElementById(node.getAttribute('aria-labelledby'))) found.push('a label that is not there');
  if (!document.documentElement.lang) found.push('no language');
  for (const svg of document.querySelectorAll('main svg')) if (!svg.closest('[aria-hidden=true]')) found.push('an svg that is read out');
  const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
  if (new Set(ids).size !== ids.length) found.push('an id twice');
  if (document.scripts.length) found.push('a script');
  return found;
})()"""


class Browser:
    def __init__(self, program, profile):
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        # The browser reads from descriptor 3 and writes to 4, which may have other uses here.
        moved = [os.dup2(fd, 8 + at, inheritable=True) for at, fd in enumerate((to_read, from_write))]
        words = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
                 f"--user-data-dir={profile}", "about:blank"]
        shell = "exec 3<&8 4>&9 8<&- 9>&-; exec \"$@\""
        self.process = subprocess.Popen(["sh", "-c", shell, "sh", *words], pass_fds=moved, stderr=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, env={**os.environ, "HOME": profile})
        for fd in (to_read, from_write, *moved):
            os.close(fd)
        self.write, self.read = to_write, from_read
        self.rest, self.number, self.events = b"", 0, []

    def message(self):
        while b"\0" not in self.rest:
            more = os.read(self.read, 1 << 20)
            if not more:
                raise SystemExit("chromium has ended")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        self.number += 1
        call = {"id": self.number, "method": method, "params": params}
        if session:
            call["sessionId"] = session
        os.write(self.write, json.dumps(call).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def until(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def end(self):
        try:
            self.call("Browser.close")
        except (SystemExit, OSError):
            pass
        self.process.wait(timeout=20)


def look(browser, page, out):
    problems = []
    name = os.path.splitext(os.path.basename(page))[0]
    url = "file://" + os.path.abspath(page)
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    call = lambda method, **params: browser.call(method, session=session, **params)
    evaluate = lambda text: call("Runtime.evaluate", expression=text, returnByValue=True)["result"].get("value")
    for domain in ("Page", "Network", "Log", "Runtime"):
        call(f"{domain}.enable")
    for scheme in SCHEMES:
        for window, (width, height, mobile) in WINDOWS.items():
            where = f"{name} {scheme} {window}"
            browser.events.clear()
            call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
            call("Page.navigate", url=url)
            browser.until("Page.loadEventFired")
            shot(call, evaluate, f"{out}/{name}-{scheme}-{window}.png", width)
            # The rest is checked with everything open.
            evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            for what, text in (("overflow", OVERFLOW), ("contrast", CONTRAST), ("structure", STRUCTURE)):
                found = evaluate(text)
                if found is None:
                    problems.append(f"{where}: {what} was not checked")
                problems += [f"{where}: {what}: {one}" for one in found or []]
            shot(call, evaluate, f"{out}/{name}-{scheme}-{window}-open.png", width)
            for event in browser.events:
                method, params = event.get("method"), event.get("params", {})
                if method == "Network.requestWillBeSent" and params["request"]["url"] != url:
                    problems.append(f"{where}: it requests {params['request']['url']}")
                elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                    problems.append(f"{where}: {params['entry']['text']}")
                elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                    problems.append(f"{where}: {method}")
    call("Emulation.setEmulatedMedia", media="print", features=[])
    call("Emulation.clearDeviceMetricsOverride")
    pdf = call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
    with open(f"{out}/{name}.pdf", "wb") as file:
        file.write(base64.b64decode(pdf))
    browser.call("Target.closeTarget", targetId=target)
    return problems


def shot(call, evaluate, path, width):
    height = min(evaluate("document.documentElement.scrollHeight"), TALLEST)
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    data = call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)["data"]
    with open(path, "wb") as file:
        file.write(base64.b64decode(data))


def main(out, pages):
    program = next((found for found in map(shutil.which, PROGRAMS) if found), None)
    if not program:
        print("no Chromium is found")
        return SKIPPED
    os.makedirs(out, exist_ok=True)
    problems = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            for page in pages:
                problems += look(browser, page, out)
        finally:
            browser.end()
    for problem in problems:
        print(problem)
    print(f"{len(pages)} pages looked at, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
