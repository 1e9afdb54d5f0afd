"""A page in a real browser without a window: what it asked for, and what went wrong."""

import json
import os
import pathlib
import re
import shutil
import subprocess

__all__ = ["find", "look"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-extensions --mute-audio --enable-logging=stderr --dump-dom"
).split()
HEAD = """<script>
window.troubles = [];
addEventListener("error", (e) => troubles.push(e.message || e.target.outerHTML), true);
addEventListener("securitypolicyviolation", (e) => troubles.push(e.blockedURI));
</script>"""
TAIL = """<script>
addEventListener("load", () => {
  const images = [...document.images], root = document.documentElement;
  for (const d of document.querySelectorAll("details")) d.open = true;
  const seen = JSON.stringify({
    title: document.title,
    troubles,
    images: images.length,
    broken: images.filter((i) => !i.complete || !i.naturalWidth).length,
    unnamed: images.filter((i) => !i.alt).length,
    requests: performance.getEntriesByType("resource").map((r) => r.name)
      .filter((name) => !name.startsWith("data:")),
    tables: document.querySelectorAll("table").length,
    too_wide: root.scrollWidth - root.clientWidth,
    text: document.body.innerText.length,
  });
  const note = document.createElement("pre");
  note.id = "seen";
  note.textContent = seen;
  document.body.append(note);
});
</script>"""


def find():
    """The path of a browser, None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def look(page, folder, width=1200, dark=False):
    """What a browser saw of an HTML file, a dict, with "console", its messages.

    A copy of the page, with two scripts that watch it, is opened with a profile of its
    own in `folder`; names other than the file's are not resolved.
    """
    folder.mkdir(parents=True)
    html = pathlib.Path(page).read_text()
    html = html.replace("<head>", f"<head>{HEAD}", 1)
    html = html.replace("</body>", f"{TAIL}</body>", 1)
    assert HEAD in html and TAIL in html
    watched = folder / "watched.html"
    watched.write_text(html)
    words = [find(), *QUIET, f"--user-data-dir={folder / 'profile'}"]
    words += [f"--window-size={width},900", "--host-resolver-rules=MAP * ~NOTFOUND"]
    words += ["--blink-settings=preferredColorScheme=0"] if dark else []
    done = subprocess.run(
        [*words, watched.as_uri()],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | {"HOME": str(folder)},
    )
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.S)
    assert found, (done.stdout[-500:], done.stderr[-2000:])
    text = found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    console = re.findall(r".*:CONSOLE[:(].*", done.stderr)
    return json.loads(text) | {"console": console}
