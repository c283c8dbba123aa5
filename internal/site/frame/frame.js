// The bar at the foot: follows a request while it waits and goes on when it is answered.
import { follow, move, say } from "./live.js";

let stop = () => {};

function start() {
  const live = document.getElementById("live");
  if (!live || !("going" in live.dataset)) return;
  stop = follow(live.dataset.status, Number(live.dataset.version), (news) => {
    if (news.next) {
      say(news.line);
      move(news.next);
      return false;
    }
    refresh(live);
    return false;
  });
}

// refresh takes the bar, and only the bar, from the server's present page: what is being typed stays.
async function refresh(live) {
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store", headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (!fresh) {
      location.reload();
      return;
    }
    const held = live.contains(document.activeElement);
    live.replaceWith(fresh);
    const line = document.getElementById("line");
    if (line) say(line.textContent);
    if (held) (fresh.querySelector("button") || document.getElementById("main")).focus();
    start();
  } catch {
    setTimeout(() => location.reload(), 2000);
  }
}

const line = document.getElementById("line");
if (line) say(line.textContent);
addEventListener("pagehide", () => stop());
addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
start();
