// Manners of every page: times in the viewer's own words, notices, a thin bar when the connection is lost,
// lists that renew themselves without moving what one reads.
"use strict";

const Huiying = (() => {
  const two = (number) => String(number).padStart(2, "0");
  const clock = (when) => `${two(when.getHours())}:${two(when.getMinutes())}`;
  const midnight = (when) => new Date(when.getFullYear(), when.getMonth(), when.getDate()).getTime();

  const span = (seconds) => {
    const minutes = Math.floor(Math.max(seconds, 0) / 60);
    if (minutes < 1) return "不到 1 分钟";
    if (minutes < 60) return `${minutes} 分钟`;
    return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} 小时` : `${Math.floor(minutes / 1440)} 天`;
  };

  const ago = (when) => {
    const seconds = (Date.now() - when) / 1000;
    if (seconds < 60) return "刚刚";
    if (seconds < 3600) return `${Math.floor(seconds / 60)} 分钟前`;
    const days = Math.round((midnight(new Date()) - midnight(when)) / 86400000);
    if (days <= 0) return clock(when);
    if (days === 1) return `昨天 ${clock(when)}`;
    const day = `${when.getMonth() + 1}月${when.getDate()}日`;
    return when.getFullYear() === new Date().getFullYear() ? `${day} ${clock(when)}` : `${when.getFullYear()}年${day}`;
  };

  const tell = (root) => {
    for (const time of root.querySelectorAll("time[data-ago], time[data-clock]")) {
      const when = new Date(time.dateTime);
      time.textContent = "ago" in time.dataset ? ago(when) : clock(when);
      time.title = when.toLocaleString("zh-CN", { hour12: false });
    }
    for (const since of root.querySelectorAll("[data-since]"))
      since.textContent = span((Date.now() - new Date(since.dataset.since)) / 1000);
  };

  const troubles = new Set();
  const lost = (what, gone) => {
    troubles[gone ? "add" : "delete"](what);
    document.getElementById("lost").hidden = troubles.size === 0;
  };

  let fading;
  const toast = (text) => {
    const box = document.getElementById("toast");
    box.textContent = text;
    box.classList.add("shown");
    clearTimeout(fading);
    fading = setTimeout(() => box.classList.remove("shown"), 4000);
  };

  return { tell, lost, toast };
})();

Huiying.tell(document);
setInterval(() => Huiying.tell(document), 20000);

// A page that renews itself: quiet while nobody looks, never under somebody who has scrolled down a list.
const polls = (event) => event.detail.elt.dataset.poll !== undefined;
const reads = (event) => event.detail.elt.id === "inbox" && window.scrollY > 40;
const open = new Set();

document.addEventListener("htmx:beforeRequest", (event) => {
  if (polls(event) && document.hidden) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!polls(event)) return;
  const news = document.getElementById("news");
  if (event.detail.xhr.status === 200 && reads(event) && event.detail.requestConfig.triggeringEvent?.type !== "renew") {
    event.detail.shouldSwap = false;
    news.hidden = false;
    return;
  }
  for (const one of document.querySelectorAll("details[id]")) open[one.open ? "add" : "delete"](one.id);
});
document.addEventListener("htmx:afterSwap", (event) => {
  for (const one of document.querySelectorAll("details[id]")) if (open.has(one.id)) one.open = true;
  Huiying.tell(event.detail.target.isConnected ? event.detail.target : document);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (polls(event)) Huiying.lost("page", !event.detail.successful);
});
document.getElementById("news")?.addEventListener("click", (event) => {
  event.currentTarget.hidden = true;
  window.scrollTo({ top: 0 });
  htmx.trigger("#inbox", "renew");
});

// A link to one turn opens its reasons.
const unfold = () => {
  const named = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!named || named.tagName !== "DETAILS") return;
  named.open = true;
  named.scrollIntoView({ block: "center" });
};
window.addEventListener("hashchange", unfold);
unfold();

// j and k walk through the list.
document.addEventListener("keydown", (event) => {
  const step = { j: 1, k: -1 }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
  const rows = [...document.querySelectorAll(".row")];
  if (!rows.length) return;
  const here = rows.indexOf(document.activeElement);
  rows[Math.min(Math.max(here + step, 0), rows.length - 1)].focus();
});
