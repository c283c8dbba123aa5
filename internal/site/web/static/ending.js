// Counts down to the end of the page. A minute before it, the page says so and shows a button that gives more time. What
// is being typed stays.
import { say, trouble } from "./live.js";

const box = document.getElementById("ending");
const NOTICE = 60, LAST = 20; // seconds before the end

if (box) {
  const count = document.getElementById("ending-count");
  const form = box.querySelector("form");
  let ends, said = Infinity; // the last notice that was spoken, in seconds before the end

  const begin = (left) => {
    ends = Date.now() + left * 1000;
    if (left > NOTICE) said = Infinity; // else it was spoken
    look();
  };
  const look = () => {
    const left = Math.ceil((ends - Date.now()) / 1000);
    box.hidden = left > NOTICE;
    if (box.hidden) return;
    if (left <= 0) {
      clearInterval(timer);
      location.reload(); // the server's answer shows whether it has really ended
      return;
    }
    count.textContent = box.dataset.count.replace("{n}", left); // for the eye: each second would be too much to hear
    const due = left <= LAST ? LAST : NOTICE;
    if (due < said) {
      said = due;
      const more = form && !form.hidden;
      say(due === LAST ? box.dataset.last : more ? box.dataset.soon : document.getElementById("ending-line").textContent);
    }
  };
  const timer = setInterval(look, 1000);
  begin(Number(box.dataset.left));
  document.addEventListener("visibilitychange", look); // the computer may have slept

  addEventListener("content", (e) => { // the page has been renewed with the server's present version
    const now = e.detail.getElementById("ending");
    if (!now) return;
    document.getElementById("ending-line").textContent = now.querySelector("#ending-line").textContent;
    box.dataset.count = now.dataset.count;
    if (form) form.hidden = !now.querySelector("form");
    begin(Number(now.dataset.left));
  });

  if (form) form.addEventListener("submit", async (e) => {
    e.preventDefault();
    const button = form.querySelector("button");
    const held = document.activeElement === button;
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin", cache: "no-store",
        headers: { "X-Requested-With": "countersign", Accept: "application/json" },
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const now = await answer.json();
      trouble(false);
      document.getElementById("ending-line").textContent = now.line;
      box.dataset.count = now.count;
      form.hidden = !now.more;
      begin(now.left);
      say(now.said);
      if (held && (box.hidden || form.hidden)) document.getElementById("main").focus();
    } catch (e) {
      if (!(e instanceof TypeError) || !trouble(true)) form.submit(); // without script, so that the browser shows the server's message
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
}
