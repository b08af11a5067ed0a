"""What a page must be, whoever looks at it with whatever: judged in the browser, all at once."""

from pathlib import Path
from urllib.parse import urlsplit

AXE = (Path(__file__).parents[1] / "console" / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
FIRST_LOAD, REPEAT = 100_000, 6_000
NARROW = 320
#: Pages that are as long as what somebody asked for; each with the reason.
LONG = {"/cards/file": "a whole file of texts, to be read and changed"}

#: Marks what can be reached with Tab. Of radio buttons of one name it is one.
FOCUSABLE = """() => {
  const names = new Set();
  let number = 0;
  const root = document.querySelector('dialog[open]') || document;
  for (const one of root.querySelectorAll(
      'a[href], button, input, select, textarea, summary, [tabindex="0"], [contenteditable="true"]')) {
    if (one.disabled || one.type === 'hidden' || !one.checkVisibility({visibilityProperty: true})) continue;
    if (one.tabIndex < 0) continue;
    if (one.type === 'radio') {
      const name = (one.form ? one.form.action : '') + one.name;
      if (names.has(name)) continue;
      names.add(name);
      one.form.querySelectorAll(`[type=radio][name="${one.name}"]`).forEach(it => it.dataset.reached = number);
    }
    one.dataset.reached = number++;
  }
  return number;
}"""
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const style = getComputedStyle(one), parent = getComputedStyle(one.parentElement);
  const seen = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== 'none';
  const box = one.getBoundingClientRect();
  return {number: one.dataset.reached === undefined ? null : Number(one.dataset.reached), seen,
          text: (one.innerText || one.name || one.id || one.tagName).slice(0, 40),
          inside: box.bottom > 0 && box.top < innerHeight};
}"""
NAMES = """all => all.map(number => {
  const one = document.querySelector(`[data-reached="${number}"]`);
  return (one.innerText || one.name || one.tagName).slice(0, 40);
})"""
WIDE = """() => [...document.querySelectorAll('body *')].filter(
  one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.scroll, dialog, pre')
).map(one => one.tagName + '.' + one.className).slice(0, 3)"""


class Watch:
    """What a page said and asked for while it was open."""

    def __init__(self, page, address):
        self.page, self.host = page, urlsplit(address).netloc
        self.problems, self.bytes = [], 0
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        page.on("request", self._asked)
        self._wire = page.context.new_cdp_session(page)
        self._wire.send("Network.enable")
        self._wire.on("Network.loadingFinished", self._loaded)

    def _said(self, message):
        if "content security policy" in message.text.lower() or "refused to" in message.text.lower():
            self.problems.append(f"CSP: {message.text[:200]}")

    def _asked(self, request):
        at = urlsplit(request.url)
        if at.scheme != "data" and at.netloc != self.host:
            self.problems.append(f"asked {at.netloc}")

    def _loaded(self, event):
        self.bytes += event["encodedDataLength"]


def accessible(page):
    """What axe-core finds, in words; in light and in forced colours."""
    if not page.evaluate("() => typeof window.axe === 'object'"):
        page.evaluate(AXE)
    told = []
    for colours in ("none", "active"):
        page.emulate_media(forced_colors=colours)
        result = page.evaluate("rules => axe.run(document, rules)", RULES)
        for found in result["violations"]:
            where = "; ".join(node["target"][0] if node["target"] else "?" for node in found["nodes"][:3])
            told.append(f"axe, forced colours {colours}: {found['id']}: {found['help']}: {where}")
    page.emulate_media(forced_colors="none")
    return told


def reachable(page):
    """Whether Tab reaches everything that can be used, and shows where it is."""
    count, reached, told = page.evaluate(FOCUSABLE), set(), []
    page.evaluate("() => { document.body.tabIndex = -1; document.body.focus(); scrollTo(0, 0) }")
    for _ in range(4 * count + 10):  # a date takes several: for day, month, year and the calendar
        if len(reached) == count:
            break
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is None:
            continue
        if at["number"] is not None:
            reached.add(at["number"])
        if not at["seen"]:
            told.append(f"no focus to be seen on {at['text']!r}")
        if not at["inside"]:
            told.append(f"the focus is out of sight on {at['text']!r}")
    if missed := set(range(count)) - reached:
        names = page.evaluate(NAMES, sorted(missed)[:3])
        told.append(f"Tab does not reach {names}")
    return told


def narrow(page):
    """Whether it fits a narrow screen."""
    before = page.viewport_size
    page.set_viewport_size({"width": NARROW, "height": 640})
    width = page.evaluate("document.documentElement.scrollWidth")
    told = [f"{width} px wide on a screen of {NARROW}: {page.evaluate(WIDE)}"] if width > NARROW else []
    page.set_viewport_size(before)
    return told


def whole(page):
    """Headings, title and language."""
    told = []
    if (count := page.locator("h1").count()) != 1:
        told.append(f"{count} main headings")
    if page.title().startswith("–") or not page.title():
        told.append("no title")
    return told


def judged(page):
    return [*whole(page), *accessible(page), *narrow(page), *reachable(page)]
