// Puts the cursor where typing goes on, if the person is in this frame already: browsers refuse to give a frame of
// another site the focus by itself, rightly.
const field = document.querySelector("[aria-invalid], [data-focus]");
if (document.hasFocus()) {
  if (field) field.focus();
  else next().focus({ preventScroll: true });
}

// next is what a page without a field is about: the bar's button, or the heading. Both are in sight, and in a low frame
// the number above that button is to stay so.
function next() {
  const heading = document.querySelector("h1") || document.getElementById("main");
  heading.tabIndex = -1;
  return document.querySelector(".bar button") || heading;
}
