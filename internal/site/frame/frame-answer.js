// Hands the answer to the page around this frame. The browser delivers it to that origin only.
const { answer, parent } = document.getElementById("answer").dataset;
if (window.parent !== window) window.parent.postMessage(answer, parent);
