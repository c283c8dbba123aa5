// Keeps the phone page and the inbox fresh. Without it a link does the same.
import { follow, renew } from "./live.js";

const news = document.querySelector("[data-news]");
if (news) {
  const { news: path, after, page } = news.dataset;
  follow(path, after, () => { renew(page); });
}
if (document.body.dataset.screen === "demo-inbox") {
  setInterval(() => { if (document.visibilityState === "visible") renew("/demo/inbox"); }, 3000);
}
