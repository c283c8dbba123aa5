// Does what the script of a Web SDK v2 client does. It puts the signed request into the frame's address. It posts the
// answer of that frame, and of no other, to the application, together with the application's own half of the request.
const frame = document.getElementById("prompt");
const { origin, request } = frame.dataset;
const [theirs, mine] = request.split(":");

addEventListener("message", (event) => {
  if (event.origin !== origin || event.source !== frame.contentWindow || typeof event.data !== "string") return;
  if (!/^((AUTH|ENROLL)\|[A-Za-z0-9+/=]+\|[0-9a-f]+|ERR\|[\w\s.()]+)$/.test(event.data)) return;
  const form = document.getElementById("back");
  form.elements.sig_response.value = `${event.data}:${mine}`;
  form.submit();
});

frame.src = `${origin}/frame/web/v1/auth?tx=${encodeURIComponent(theirs)}&parent=${encodeURIComponent(location.href)}&v=2.9`;
