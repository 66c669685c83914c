"""HTML reports in a headless Chromium: layout, network, hostile names, print, phone and contrast."""

import shutil

import pytest
from evidence_documents import HOSTILE, NOW, first_form, hostile, large, period, stored, tolerated

from glue_secure.report.html import period_page, run_page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"
)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ARGUMENTS += ["--disable-component-update", "--disable-sync", "--disable-quic"]
PAGES = {
    "succeeded": lambda: run_page(stored(first_form()), NOW),
    "refused": lambda: run_page(stored(first_form("refused")), NOW),
    "tolerated": lambda: run_page(stored(tolerated()), NOW),
    "hostile": lambda: run_page(stored(hostile()), NOW),
    "large": lambda: run_page(stored(large(objects=200)), NOW),
    "period": lambda: period_page(period()[:7], NOW)[0],
    "hostile period": lambda: period_page([stored(hostile()), *period()[:8]], NOW)[0],
}
EACH_PAGE = pytest.mark.parametrize("name", PAGES)
# Elements with text of their own whose boxes share more than two pixels in both directions.
OVERLAPS = """() => {
  const boxes = [];
  for (const element of document.querySelectorAll('main *, footer *')) {
    const range = document.createRange();
    for (const node of element.childNodes) {
      if (node.nodeType !== Node.TEXT_NODE || !node.textContent.trim()) continue;
      if (!element.checkVisibility() || element.closest('svg')) continue;
      if (getComputedStyle(element.closest('thead') || element).clipPath !== 'none') continue;
      range.selectNodeContents(node);
      const text = node.textContent.trim().slice(0, 40);
      for (const box of range.getClientRects()) boxes.push([box, text, element]);
    }
  }
  boxes.sort((one, other) => one[0].top - other[0].top);
  const found = [];
  for (let at = 0; at < boxes.length; at++) {
    const [box, text, element] = boxes[at];
    for (let next = at + 1; next < boxes.length && boxes[next][0].top < box.bottom - 6; next++) {
      const [other, otherText, otherElement] = boxes[next];
      const wide = Math.min(box.right, other.right) - Math.max(box.left, other.left);
      if (wide > 2 && element !== otherElement) found.push(text + ' / ' + otherText);
    }
  }
  return found;
}"""
OUTSIDE = """() => [...document.querySelectorAll('main *, footer *')].filter(element => {
  const box = element.getBoundingClientRect();
  return element.checkVisibility() && !element.closest('thead') && box.right > innerWidth + 1;
}).map(element => element.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def browser():
    """A browser that was started with an empty profile."""
    with playwright.sync_playwright() as client:
        started = client.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The pages as files."""
    folder = tmp_path_factory.mktemp("pages")
    for name, page in PAGES.items():
        (folder / f"{name}.html").write_text(page(), encoding="utf-8")
    return folder


@pytest.fixture
def show(browser, files):
    """Return a function that opens a page, in a context of its own, and fails if it requests anything."""
    contexts = []

    def opened(name, width=1280, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page = context.new_page()
        requests, messages = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        page.on("dialog", lambda dialog: messages.append(dialog.message))
        page.goto((files / f"{name}.html").as_uri())
        contexts.append((context, requests, messages))
        return page

    yield opened
    for context, requests, messages in contexts:
        context.close()
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
        assert len([url for url in requests if url.startswith("file:")]) == 1
        assert messages == []


@EACH_PAGE
def test_nothing_overlaps_and_nothing_needs_horizontal_scrolling(show, name):
    page = show(name)
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(OVERLAPS) == []


def test_the_check_of_the_layout_finds_faults(show):
    page = show("succeeded", 375)
    page.locator("h1").evaluate("element => { element.style.marginBottom = '-30px' }")
    assert page.evaluate(OVERLAPS) != []
    page.locator("h1").evaluate("element => { element.style.width = '600px' }")
    assert page.evaluate(OUTSIDE) != []


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("tolerated", "light"), ("period", "dark")],
)
def test_contrast_and_structure_meet_wcag_aa(show, name, scheme):
    results = axe.Axe().run(
        show(name, scheme=scheme),
        options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]},
    )
    found = {one["id"]: [node["html"] for node in one["nodes"][:3]] for one in results.response["violations"]}
    assert found == {}
    assert "color-contrast" in {one["id"] for one in results.response["passes"]}


@pytest.mark.parametrize("name", ["hostile", "hostile period"])
def test_hostile_names_are_shown_as_text(show, name):
    page = show(name)
    text = page.locator("body").inner_text()
    assert HOSTILE[0] in text
    assert HOSTILE[7] in text
    assert "\\u202e" in text
    assert page.evaluate("document.querySelectorAll('script, img, iframe, object, [style]').length") == 0
    assert page.evaluate("document.querySelectorAll('style').length") == 1
    assert page.title() != "run"


def test_the_content_policy_forbids_scripts_and_requests(browser, files):
    page = browser.new_page()
    page.goto((files / "succeeded.html").as_uri())
    blocked = page.evaluate(
        """async () => {
          const found = [];
          addEventListener('securitypolicyviolation', event => found.push(event.effectiveDirective));
          const script = document.createElement('script');
          script.textContent = 'document.title = 1';
          document.body.append(script);
          const image = document.createElement('img');
          image.src = 'http://127.0.0.1:9/x.png';
          document.body.append(image);
          await fetch('http://127.0.0.1:9/').catch(() => 0);
          while (found.length < 3) await new Promise(done => setTimeout(done, 20));
          return found.sort();
        }"""
    )
    assert blocked == ["connect-src", "img-src", "script-src-elem"]
    assert page.title() != "1"
    page.close()


@pytest.mark.parametrize("name", ["large", "period"])
def test_print_shows_what_is_folded_and_fits_the_paper(show, name):
    page = show(name)
    folded = "[...document.querySelectorAll('details > *:not(summary)')]"
    assert name == "period" or page.evaluate(f"{folded}.filter(one => !one.checkVisibility()).length") > 0
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(f"{folded}.every(one => one.getBoundingClientRect().height > 0)")
    assert page.pdf(format="A4").startswith(b"%PDF-")


def test_fifty_sources_are_readable(show):
    page = show("large", 375)
    assert page.locator(".places li").count() == 51
    assert page.locator(".places strong").first.inner_text() == "s3://landing/source-49/2026/11/29/"
    sizes = page.eval_on_selector_all(
        ".places strong", "all => all.map(one => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(sizes) >= 14
