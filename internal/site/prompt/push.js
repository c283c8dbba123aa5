// The waiting page: follows the request and moves on with the answer.
import { follow, move, renew, say } from "./live.js";

let stop = () => {};
let timers = [];

function start() {
  const box = document.getElementById("push");
  if (!box) return;
  const slow = document.getElementById("slow");
  const count = document.getElementById("count");
  const ends = Date.now() + Number(box.dataset.left) * 1000;
  let state = box.dataset.state;

  const tick = () => {
    const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
    count.textContent = left ? box.dataset.open.replace("{n}", left) : "";
  };
  tick();
  timers = [
    setInterval(tick, 1000), // for the eye only: the text is hidden from screen readers
    setTimeout(() => { if (state === "sent") { slow.hidden = false; say(slow.textContent.trim()); } }, 8000),
  ];
  if (ends - Date.now() > 20000) timers.push(setTimeout(() => say(box.dataset.soon), ends - Date.now() - 20000));

  stop = follow(box.dataset.status, Number(box.dataset.version), (news) => {
    if (news.next) {
      halt();
      say(news.line);
      move(news.next);
      return false;
    }
    if (news.open === false) {
      halt();
      renew(location.href).then((same) => { if (same) { say(news.line); start(); } }, () => location.reload());
      return false;
    }
    state = news.state;
    document.getElementById("line").textContent = news.line;
    document.getElementById("hint").textContent = news.hint || "";
    slow.hidden = true; // the line of an unreachable phone says it already
    say(news.line);
    return true;
  });
}

function halt() {
  stop();
  timers.forEach((t) => { clearTimeout(t); clearInterval(t); });
}

addEventListener("replaced", halt);
addEventListener("pagehide", halt);
addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
start();
