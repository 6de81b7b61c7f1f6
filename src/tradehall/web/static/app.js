// Small comforts. Every page works without this file.
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Requests made by htmx prove they come from our page.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector('meta[name="csrf-token"]');
    if (token) event.detail.headers[token.dataset.header] = token.content;
    // A page that looks for news is not replaced under somebody who writes.
    const writing = "#supervision .deed-form details[open], #supervision form :focus";
    if (event.detail.elt.matches("[data-keep]") && document.querySelector(writing)) event.detail.parameters.keep = "1";
  });

  // A thin line at the top while a page is on its way.
  let waiting = 0;
  const loading = (change) => {
    waiting = Math.max(0, waiting + change);
    root.classList.toggle("is-loading", waiting > 0);
  };
  document.addEventListener("htmx:beforeRequest", (event) => event.detail.boosted && loading(1));
  document.addEventListener("htmx:afterRequest", (event) => event.detail.boosted && loading(-1));

  // A form is sent once. The button is released when the page comes back from the browser's history.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.sent = "1";
    event.submitter?.setAttribute("aria-busy", "true");
  }, true);
  const release = () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll('[aria-busy="true"]')) button.removeAttribute("aria-busy");
  };
  addEventListener("pageshow", release);
  document.addEventListener("htmx:afterRequest", release);

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // plain http: no clipboard API
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      event.preventDefault();
      await copy(button.dataset.copy);
      const label = button.getAttribute("aria-label");
      button.classList.add("is-done");
      button.setAttribute("aria-label", document.body.dataset.copied);
      setTimeout(() => {
        button.classList.remove("is-done");
        button.setAttribute("aria-label", label);
      }, 1500);
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const choice = event.target.closest("[data-theme-choice]");
    if (choice) root.dataset.theme = choice.value; // at once; the form remembers it
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = document.querySelector("details.menu[open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector("[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    }
  });

  document.addEventListener("change", (event) => {
    const control = event.target;
    const form = control.form;
    if (form?.matches("[data-autosubmit]") && control.matches("select, input[type=date], input[type=checkbox]")) {
      form.requestSubmit();
      return;
    }
    const bulk = control.closest(".bulk");
    if (!bulk) return;
    const boxes = [...bulk.querySelectorAll("tbody .tick input:not(:disabled)")];
    const all = bulk.querySelector("[data-check-all]");
    if (control === all) for (const box of boxes) box.checked = all.checked;
    const ticked = boxes.filter((box) => box.checked).length;
    if (all) {
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    }
    const text = bulk.querySelector("[data-bulk-count]");
    if (text) text.textContent = text.dataset.bulkCount.replace("#", ticked);
  });

  // What needs setting up when a page, or a part of one, arrives.
  const arrive = (whole) => {
    for (const all of document.querySelectorAll("[data-check-all]")) all.hidden = false;
    if (whole) document.querySelector(".form-row.has-error :is(input, select, textarea)")?.focus();
  };
  arrive(true);
  document.addEventListener("htmx:afterSettle", (event) => arrive(event.target === document.body));
})();
