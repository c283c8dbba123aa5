// The code page works as a plain form; this only keeps a second press from sending it twice.
document.addEventListener("submit", (e) => {
  if (e.target.dataset.sent) { e.preventDefault(); return; }
  e.target.dataset.sent = "1";
});
addEventListener("pageshow", () => { for (const f of document.forms) delete f.dataset.sent; });
