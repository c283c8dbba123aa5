// Puts the cursor where typing goes on, if the person is in this frame already: browsers refuse to give a frame of
// another site the focus by itself, rightly.
const field = document.querySelector("[aria-invalid], [data-focus]");
if (document.hasFocus()) (field || next()).focus();

// next is what a page without a field is about: the bar's button, or the heading.
function next() {
  const heading = document.querySelector("h1") || document.getElementById("main");
  heading.tabIndex = -1;
  return document.querySelector(".bar button") || heading;
}
