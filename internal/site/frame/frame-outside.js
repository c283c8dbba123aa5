// A page of a frame that was opened by itself shows where it belongs. Most browsers tell the server, which then shows no
// more than that; this is for those that do not.
const words = document.getElementById("outside");
if (words && top === self) {
  for (const part of document.querySelectorAll(".rail nav, .rail details, #ending")) part.remove();
  const heading = document.querySelector("h1");
  heading.textContent = document.title = words.dataset.title;
  document.getElementById("main").replaceChildren(heading, words.content);
}
