// Sends forms by script, so that the way on is a plain step of the browser: a redirect after a
// form is held against this page's form-action at every hop, and applications have hops of their own.
// Without scripts the same forms are sent by the browser.
import { move, put, say, trouble } from "./live.js";

document.addEventListener("submit", async (e) => {
  const form = e.target;
  if (form.method !== "post" || form.hasAttribute("data-plain")) return;
  e.preventDefault();
  if (form.dataset.sent) return;
  form.dataset.sent = "1";
  const button = e.submitter;
  if (button) button.setAttribute("aria-busy", "true");
  trouble(false);
  try {
    const answer = await fetch(form.action, {
      method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin", cache: "no-store",
      headers: { "X-Requested-With": "countersign", Accept: "text/html" },
    });
    if ((answer.headers.get("Content-Type") || "").startsWith("application/json")) {
      move((await answer.json()).next);
      return;
    }
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    trouble(true); // what was typed stays: a browser's own page about it would lose it
    ready();
  }
});

// show puts the server's answer, a page that says what did not work, in the place of this one.
function show(page) {
  if (!page.querySelector("main")) { location.reload(); return; }
  dispatchEvent(new Event("replaced")); // whoever follows the old content stops
  put(page);
  document.body.dataset.screen = page.body.dataset.screen;
  const field = document.querySelector("main [aria-invalid], main [autofocus]");
  (field || document.querySelector("main")).focus();
  const alert = document.querySelector("main [role=alert]");
  if (alert) say(alert.textContent.trim());
}

// ready lets forms be sent again.
function ready() {
  for (const f of document.forms) delete f.dataset.sent;
  for (const b of document.querySelectorAll("[aria-busy]")) b.removeAttribute("aria-busy");
}
addEventListener("pageshow", ready);

// The box is used while a request waits, so its change is sent at once.
document.addEventListener("change", async (e) => {
  const box = e.target;
  const path = box.dataset && box.dataset.remember;
  if (!path) return;
  const body = new URLSearchParams({ form_token: box.form.elements.form_token.value, remember: box.checked ? "1" : "0" });
  const noted = await fetch(path, { method: "POST", body, credentials: "same-origin", headers: { Accept: "application/json" } }).then((a) => a.ok, () => null);
  if (!noted) box.checked = !box.checked;
  trouble(noted === null);
});
