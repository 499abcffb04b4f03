// The playground: words leave at once and in order, the live stream keeps every open page in step.
"use strict";

const stage = document.querySelector(".playground");
const kept = window.sessionStorage;
const byId = (id) => document.getElementById(id);

const staff = () => document.querySelector("[name=staff]:checked").value;
const customer = () => document.querySelector("[data-pane=feishu] [name=person]:checked");

const written = (form) => {
  const words = new URLSearchParams(new FormData(form));
  if ("asStaff" in form.dataset) words.set("person", staff());
  if ("asCustomer" in form.dataset) words.set("person", customer().value);
  return words;
};

const post = async (form, words) => {
  const answer = await fetch(form.action, { method: "POST", body: words });
  const notice = answer.headers.get("HX-Trigger");
  if (notice) Huiying.toast(JSON.parse(notice).toast);
  else if (!answer.ok) throw new Error(String(answer.status));
  return answer.ok;
};

// One after the other, so that three quick lines arrive as three lines in their order.
let queue = Promise.resolve();
const say = (form) => {
  const field = form.elements.text;
  const text = field.value;
  if (!text.trim()) return;
  const words = written(form);
  field.value = "";
  keep(field);
  queue = queue.then(async () => {
    let sent = false;
    try {
      sent = await post(form, words);
    } catch {
      Huiying.toast("没有发出去，原话还在框里");
    }
    if (!sent && !field.value) field.value = text;
    keep(field);
  });
};

const act = async (form) => {
  try {
    await post(form, written(form));
  } catch {
    Huiying.toast("没有成功，请再试一次");
  }
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if ("say" in form.dataset) say(form);
  else if ("act" in form.dataset) act(form);
  else return;
  event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || field.tagName !== "TEXTAREA") return;
  event.preventDefault();
  field.form.requestSubmit();
});

document.addEventListener("click", (event) => {
  const words = event.target.dataset?.example;
  if (words === undefined) return;
  const form = event.target.form;
  form.elements.text.value = words;
  say(form);
});

// Nothing typed is lost by a reload, and one stays who one was.
const keep = (field) => {
  if (field.value) kept.setItem(field.id, field.value);
  else kept.removeItem(field.id);
};
const restore = (root) => {
  for (const field of root.querySelectorAll("textarea[id], input[name=text][id]")) {
    field.value ||= kept.getItem(field.id) || "";
  }
};
document.addEventListener("input", (event) => {
  if (event.target.name === "text") keep(event.target);
});
document.addEventListener("change", (event) => {
  const { type, name, form, value } = event.target;
  if (type !== "radio") return;
  kept.setItem(`as-${form?.dataset.keep || ""}-${name}`, value);
  onlyThisChat();
});
for (const radio of document.querySelectorAll("input[type=radio]")) {
  if (kept.getItem(`as-${radio.form?.dataset.keep || ""}-${radio.name}`) === radio.value) radio.checked = true;
}

const nearEnd = (pane) => pane.scrollHeight - pane.scrollTop - pane.clientHeight < 160;
const follow = (pane) => pane.scrollTo({ top: pane.scrollHeight });
let thinking = [];

// The Feishu pane is the chat of one customer; a dot says that the other one has news.
const onlyThisChat = () => {
  const { chat } = customer().dataset;
  for (const line of byId("lines-feishu").querySelectorAll("article")) line.hidden = line.dataset.chat !== chat;
  customer().parentElement.classList.remove("news");
  byId("thinking").hidden = !thinking.includes(chat);
  follow(byId("lines-feishu"));
};

const noticed = (line) => {
  const pane = line.closest(".pane");
  const radio = pane.querySelector(`[name=person][data-chat="${CSS.escape(line.dataset.chat || "")}"]`);
  if (radio && !radio.checked) {
    line.hidden = true;
    radio.parentElement.classList.add("news");
  }
  if (stage.dataset.tab !== pane.dataset.pane) {
    stage.querySelector(`[data-show=${pane.dataset.pane}]`).classList.add("news");
  }
};

stage.querySelector(".tabs").addEventListener("click", (event) => {
  const shown = event.target.dataset.show;
  if (!shown) return;
  stage.dataset.tab = shown;
  for (const tab of event.currentTarget.children) tab.setAttribute("aria-pressed", String(tab === event.target));
  event.target.classList.remove("news");
  const pane = stage.querySelector(`[data-pane=${shown}] .lines`);
  if (shown !== "trace") follow(pane);
});

const put = (piece) => {
  const home = byId(piece.dataset.into);
  const fresh = [...piece.children].filter((one) => !byId(one.id));
  if (!home || !fresh.length) return;
  const pane = home.closest(".lines");
  const following = nearEnd(pane);
  home.append(...fresh);
  for (const one of fresh) noticed(one.matches("article") ? one : one.querySelector("article"));
  if (following) follow(pane);
};

// A changed card keeps the focus on what one was about to press.
const replace = (piece) => {
  const old = byId(piece.id);
  if (!old) return;
  const pane = old.closest(".lines");
  const following = nearEnd(pane);
  const held = old.contains(document.activeElement);
  piece.hidden = old.hidden;
  old.replaceWith(piece);
  if (held) (piece.querySelector("button") || pane).focus();
  if (following) follow(pane);
};

const apply = (html) => {
  const box = document.createElement("template");
  box.innerHTML = html;
  for (const piece of [...box.content.children]) {
    Huiying.tell(piece);
    if (piece.dataset.into) put(piece);
    else replace(piece);
  }
};

let mark = stage.dataset.mark;
const connect = () => {
  const source = new EventSource(`/console/playground/events?after=${encodeURIComponent(mark)}`);
  source.onopen = () => Huiying.lost("stream", false);
  source.onerror = () => {
    Huiying.lost("stream", true);
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  };
  source.addEventListener("line", (event) => {
    mark = event.lastEventId || mark;
    apply(event.data);
  });
  source.addEventListener("thinking", (event) => {
    thinking = JSON.parse(event.data);
    byId("thinking").hidden = !thinking.includes(customer().dataset.chat);
  });
  source.addEventListener("turn", () => htmx.trigger("#trace", "turn"));
  source.addEventListener("restart", () => location.reload());
};

restore(document);
onlyThisChat();
for (const pane of document.querySelectorAll(".lines")) if (pane.id !== "trace") follow(pane);
connect();
