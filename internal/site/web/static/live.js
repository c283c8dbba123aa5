// Waiting for news from the server: one long request after the other, and a page that renews
// itself from the server's own HTML, so that the words exist once.

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// follow asks path for states newer than version and gives each to on() until that returns
// false or stop() is called. A server that is away is asked again, more slowly each time; an
// answer that says the sign-in is over reloads the page, which then explains.
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
          if (Date.now() - began < 400) await pause(600); // a server that does not hold the request
          continue;
        }
        version = state.version;
        if (on(state) === false) return;
      } catch {
        if (!going) return;
        if (++failed > 1) trouble(true); // once is a server that starts anew
        await pause(wait);
        wait = Math.min(wait * 2, 8000);
      }
    }
  })();
  return () => { going = false; abort.abort(); };
}

// trouble shows or hides the line that there is no connection; false where a page has none.
export function trouble(on) {
  const line = document.getElementById("trouble");
  if (line) line.hidden = !on;
  return Boolean(line);
}

// say puts text in the page's one live region.
export function say(text) {
  const region = document.getElementById("say");
  if (region && text) region.textContent = text;
}

// move goes to an address the server named, once: the answer to a form and the news it makes name the same step, and
// a step taken twice would end the sign-in twice.
let moving = false;
export function move(next) {
  const url = new URL(next, location.href);
  if (moving || url.protocol !== "https:" && url.protocol !== "http:") return;
  moving = true;
  location.assign(url.href);
}
addEventListener("pageshow", () => { moving = false; });

// put gives this page the content of another, and tells whoever shows something of it elsewhere.
export function put(page) {
  document.querySelector("main").replaceChildren(...page.querySelector("main").childNodes);
  document.title = page.title;
  dispatchEvent(new CustomEvent("content", { detail: page }));
}

// renew replaces the content of the page by the server's present version of it; another screen
// is opened as a page of its own. Without a connection it waits for one, unless a form has brought other content meanwhile.
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
