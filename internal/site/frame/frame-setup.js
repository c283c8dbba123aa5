// The wizard: "Continue" waits for the ticked box, and for the app that scans the picture.
import { follow, say } from "./live.js";

for (const form of document.querySelectorAll("form[data-sure]")) {
  const button = document.getElementById("continue");
  const { number, country, replace } = form.elements;
  const refused = [number.value, country.value];
  const taken = document.getElementById("taken");
  const look = () => {
    if (taken) { // the question is about the number that was sent, not about another
      taken.hidden = refused[0] !== number.value || refused[1] !== country.value;
      replace.disabled = taken.hidden;
    }
    button.disabled = [...form.querySelectorAll("input[type=checkbox]")].some((box) => !box.checked && !box.disabled) || !number.value.trim();
  };
  form.addEventListener("input", look);
  look();
}

let stop = () => {};
const pair = document.getElementById("pair");
if (pair && !("done" in pair.dataset)) {
  const button = document.getElementById("continue");
  button.disabled = true;
  stop = follow(pair.dataset.status, Number(pair.dataset.version), (news) => {
    if (news.state === "dead") {
      location.reload(); // the server shows a new picture
      return false;
    }
    if (news.state !== "claimed") return true;
    const line = document.getElementById("line");
    line.textContent = news.line;
    line.className = "line good";
    line.removeAttribute("role");
    document.getElementById("picture").classList.add("done");
    for (const part of document.querySelectorAll(".before")) part.hidden = true;
    button.disabled = false;
    button.focus();
    say(news.line);
    return false;
  });
}
addEventListener("pagehide", () => stop());
addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
