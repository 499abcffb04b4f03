// Small manners of the playground: Enter sends, panes follow the newest line, toasts go away.
const nearEnd = (pane) => pane.scrollHeight - pane.scrollTop - pane.clientHeight < 160;
const follow = (pane) => pane.scrollTo({ top: pane.scrollHeight });

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".lines").forEach(follow));

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || field.tagName !== "TEXTAREA") return;
  event.preventDefault();
  field.form.requestSubmit();
});

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.dataset.asStaff === undefined) return;
  event.detail.parameters.set("person", document.querySelector("[name=staff]:checked").value);
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.dataset.clears === undefined) return;
  const field = event.detail.elt.querySelector("textarea, input[name=text]");
  field.value = "";
  field.focus();
});

document.addEventListener("htmx:oobAfterSwap", (event) => {
  const pane = event.detail.target.closest(".lines");
  if (pane && nearEnd(pane)) follow(pane);
});

document.addEventListener("toast", (event) => {
  const toast = document.getElementById("toast");
  toast.textContent = event.detail.value;
  toast.classList.add("shown");
  setTimeout(() => toast.classList.remove("shown"), 2500);
});
