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
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store", headers: { Accept: "text/html", "X-Part": "bar" } });
    if (answer.ok && (answer.headers.get("Content-Type") || "").startsWith("application/json")) { // answered meanwhile
      move((await answer.json()).next);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (!fresh) {
      location.reload();
      return;
    }
    const held = live.contains(document.activeElement) || document.hasFocus() && document.activeElement === document.body;
    live.replaceWith(fresh);
    const line = document.getElementById("line");
    if (line) say(line.textContent);
    if (held) (fresh.querySelector("button") || document.getElementById("main")).focus();
    start();
  } catch {
    setTimeout(() => location.reload(), 2000);
  }
}

// A change of the box is sent at once, also while a request waits, and goes with the next form in case that comes first.
const remember = document.getElementById("remember");
if (remember) {
  const box = remember.elements.remember;
  remember.addEventListener("submit", (e) => e.preventDefault());
  const send = async () => {
    const body = new URLSearchParams(new FormData(remember));
    body.set("script", "1"); // answered by nothing: following on to the page could hand the answer to nobody
    const noted = await fetch(remember.action, { method: "POST", body, credentials: "same-origin" }).then((a) => a.ok, () => false);
    if (!noted) box.checked = !box.checked;
  };
  box.addEventListener("change", send);
  if (box.checked !== box.defaultChecked) send(); // used before this ran
  document.addEventListener("formdata", (e) => {
    if (e.target !== remember) e.formData.set("remember", box.checked ? "1" : "0");
  });
}

const line = document.getElementById("line");
if (line) say(line.textContent);
addEventListener("pagehide", () => stop());
addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
start();
