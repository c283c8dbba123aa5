// Hands the answer to the page around this frame, by itself or with a button. The browser delivers it to that origin only.
const from = document.getElementById("answer");
if (from) { // none on a page that is in no frame
  const { answer, parent } = from.dataset;
  const hand = () => window.parent.postMessage(answer, parent);
  if (from.matches("button")) from.addEventListener("click", hand);
  else {
    from.hidden = false; // without this script nothing goes on
    hand();
  }
}
