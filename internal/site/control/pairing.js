// The pairing page: shows what the phone does, moves on when it is connected, asks for a new code
// when the old one has ended, and copies the code.
import { follow, move, renew, say } from "./live.js";

let stop = () => {};

function start() {
  for (const b of document.querySelectorAll("[data-copy]")) b.hidden = !navigator.clipboard;
  const box = document.getElementById("pair");
  if (!box) return;
  if ("expired" in box.dataset) fresh();
  if (!box.dataset.status) return;
  stop = follow(box.dataset.status, Number(box.dataset.version), (news) => {
    if (news.next) {
      say(news.line);
      move(news.next);
      return false;
    }
    if (news.open === false) {
      if (news.state === "expired") fresh(); else renew(location.href).then(again, () => location.reload());
      return false;
    }
    document.getElementById("line").textContent = news.line;
    say(news.line);
    return true;
  });
}

function again(same) { if (same) start(); }

// fresh asks for a new code, but only while somebody looks at the page.
function fresh() {
  stop();
  if (document.visibilityState !== "visible") {
    document.addEventListener("visibilitychange", fresh, { once: true });
    return;
  }
  const form = document.getElementById("renew");
  renew(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }).then((same) => {
    // Still expired: the person presses the button, so that a limit is not run into by itself.
    if (same && !("expired" in (document.getElementById("pair") || document.body).dataset)) start();
  }, () => {});
}

document.addEventListener("click", (e) => {
  const button = e.target.closest("[data-copy]");
  if (!button) return;
  navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent).then(() => {
    button.lastChild.textContent = button.dataset.done;
    say(button.dataset.done);
  }, () => {});
});

addEventListener("replaced", () => stop());
addEventListener("pagehide", () => stop());
addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
start();
