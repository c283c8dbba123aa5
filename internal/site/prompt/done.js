// Follows the page's link, so that nobody has to press it.
const link = document.getElementById("go");
if (link) location.replace(link.href);
