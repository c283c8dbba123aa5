// Keeps the phone page and the inbox fresh. Without it a link does the same.
import { follow, renew } from "./live.js";

const news = document.querySelector("[data-news]");
if (news) {
  const { news: path, after, page } = news.dataset;
  follow(path, after, () => { renew(page); });
}
if (document.body.dataset.screen === "demo-inbox") {
  const look = async () => { // one look after the other: without a connection renew waits for one
    if (document.visibilityState === "visible") await renew("/demo/inbox");
    setTimeout(look, 3000);
  };
  setTimeout(look, 3000);
}
