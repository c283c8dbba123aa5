// Keeps the phone page and the inbox up to date. Without script a link on the page does the same.
import { follow, renew } from "./live.js";

const news = document.querySelector("[data-news]");
if (news) {
  const { news: path, after, page } = news.dataset;
  follow(path, after, () => { renew(page); });
}
if (document.body.dataset.screen === "demo-inbox") {
  const look = async () => { // never two at the same time: without a connection, renew waits for one
    if (document.visibilityState === "visible") await renew("/demo/inbox");
    setTimeout(look, 3000);
  };
  setTimeout(look, 3000);
}
