// Puts the cursor where typing goes on, if the person is in this frame already: browsers refuse to give a frame of
// another site the focus by itself, rightly.
const field = document.querySelector("[aria-invalid], [data-focus]");
if (field && document.hasFocus()) field.focus();
