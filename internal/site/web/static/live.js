// Waits for news from the server with one long poll after the other, and renews the page with the server's own HTML, so
// that every text exists once.

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// follow asks path for states newer than version and passes each to on(), until on() returns false or the returned
// function is called. When the server cannot be reached, it is asked again after growing pauses. An answer 4xx means that
// the sign-in has ended: the page is loaded again and shows why.
export function follow(path, version, on) {
  let going = true;
  let abort = new AbortController();
  (async () => {
    let wait = 500, failed = 0;
    while (going) {
      const began = Date.now();
      try {
        const answer = await fetch(`${path}${path.includes("?") ? "&" : "?"}since=${encodeURIComponent(version)}`, {
          headers: { Accept: "application/json" }, cache: "no-store", credentials: "same-origin", signal: abort.signal,
        });
        if (!going) return;
        if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
          location.reload();
          return;
        }
        if (!answer.ok) throw new Error(String(answer.status));
        const state = await answer.json();
        wait = 500;
        if (failed) trouble(false);
        failed = 0;
        if (state.version === version) {
          if (Date.now() - began < 400) await pause(600); // the server has not held the request
          continue;
        }
        version = state.version;
        if (on(state) === false) return;
      } catch {
        if (!going) return;
        if (++failed > 1) trouble(true); // a single failure may be a restart of the server
        await pause(wait);
        wait = Math.min(wait * 2, 8000);
      }
    }
  })();
  return () => { going = false; abort.abort(); };
}

// trouble shows or hides the line that says there is no connection. It returns false on a page without that line.
export function trouble(on) {
  const line = document.getElementById("trouble");
  if (line) line.hidden = !on;
  return Boolean(line);
}

// say puts text into the page's live region, from which screen readers read it.
export function say(text) {
  const region = document.getElementById("say");
  if (region && text) region.textContent = text;
}

// move opens an address that the server has sent, once. The answer to a form and the news that follow from it may both
// name the same address, and opening it twice would finish the sign-in twice.
let moving = false;
export function move(next) {
  const url = new URL(next, location.href);
  if (moving || url.protocol !== "https:" && url.protocol !== "http:") return;
  moving = true;
  location.assign(url.href);
}
addEventListener("pageshow", () => { moving = false; });

// put replaces the content of this page by that of another one, and dispatches the event "content" for modules that show
// parts of it elsewhere.
export function put(page) {
  document.querySelector("main").replaceChildren(...page.querySelector("main").childNodes);
  document.title = page.title;
  dispatchEvent(new CustomEvent("content", { detail: page }));
}

// renew replaces the content of the page by the server's present version of it. Another screen is opened as a new page.
// Without a connection it waits for one, unless a form has brought other content meanwhile. It returns whether the
// content was replaced.
export async function renew(path, options) {
  let answer, late = false;
  addEventListener("replaced", () => { late = true; }, { once: true });
  for (let wait = 500; !answer; wait = Math.min(wait * 2, 8000)) {
    try {
      answer = await fetch(path, { credentials: "same-origin", cache: "no-store", headers: { Accept: "text/html" }, ...options });
      trouble(false);
    } catch {
      if (late) return false;
      trouble(true);
      await pause(wait);
    }
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (late) return false;
  if (!page.querySelector("main") || page.body.dataset.screen !== document.body.dataset.screen) {
    location.assign(answer.url);
    return false;
  }
  const main = document.querySelector("main");
  const held = main.contains(document.activeElement);
  put(page);
  if (held) main.focus();
  return true;
}
