// Files are sent as soon as they are chosen or dropped, one after the other, each with its progress. Without this file
// they come along when the form is sent.
(() => {
  const busy = new WeakMap(); // form -> how many of its files are under way
  const queues = new WeakMap(); // a field's place -> the file before

  const token = () => document.querySelector('meta[name="csrf-token"]');
  const request = (url, body, headers, progress) => new Promise((resolve) => {
    const sent = new XMLHttpRequest();
    sent.open("POST", url);
    sent.setRequestHeader(token().dataset.header, token().content);
    sent.setRequestHeader("HX-Request", "true");
    for (const [name, value] of Object.entries(headers)) sent.setRequestHeader(name, value);
    if (progress) sent.upload.addEventListener("progress", progress);
    sent.addEventListener("loadend", () => {
      const to = sent.getResponseHeader("HX-Redirect");
      if (to) location.assign(to);
      resolve(sent);
    });
    sent.send(body);
  });
  const fragment = (text) => {
    const made = document.createElement("template");
    made.innerHTML = text.trim(); // our own server's, its texts escaped
    return made.content;
  };

  const count = (form, change) => {
    const number = (busy.get(form) ?? 0) + change;
    busy.set(form, number);
    form.toggleAttribute("data-uploading", number > 0);
    if (!number) form.dispatchEvent(new Event("uploaded"));
  };

  // What was wrong with the field is no longer so, or is said anew when the form is sent.
  const settle = (row) => {
    row?.classList.remove("has-error");
    row?.querySelector(":scope > .form-error")?.remove();
    row?.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
  };

  const send = async (place, file, line) => {
    const bar = line.querySelector("progress");
    const answer = await request(
      place.dataset.uploads,
      file,
      { "X-File-Name": encodeURIComponent(file.name), "Content-Type": "application/octet-stream" },
      (event) => {
        if (event.lengthComputable) {
          bar.max = event.total;
          bar.value = event.loaded;
        }
      },
    );
    if (answer.status === 200) {
      line.remove();
      place.querySelector("[data-files]").replaceWith(fragment(answer.responseText));
      settle(place.closest(".form-row"));
      return;
    }
    const said = fragment(answer.responseText).querySelector(".form-error, .alert-line")?.textContent.trim();
    bar.remove();
    line.classList.add("is-refused");
    const text = document.createElement("p");
    text.className = "form-error";
    text.setAttribute("role", "alert");
    text.textContent = said || place.dataset.cut;
    line.querySelector(".file-what").append(text);
  };

  const take = (input) => {
    const place = input.closest("[data-uploads]");
    const form = input.form;
    for (const line of place.querySelectorAll(".is-refused")) line.remove();
    for (const file of input.files) {
      const line = document.createElement("div");
      line.className = "file is-under-way";
      const what = document.createElement("span");
      what.className = "file-what";
      const name = document.createElement("span");
      name.textContent = file.name;
      const bar = document.createElement("progress");
      bar.setAttribute("aria-label", `${place.dataset.underWay}: ${file.name}`);
      what.append(name, bar);
      line.append(what);
      place.querySelector(".drop").before(line);
      count(form, 1);
      const before = queues.get(place) ?? Promise.resolve();
      queues.set(place, before.then(() => send(place, file, line)).finally(() => count(form, -1)));
    }
    input.value = "";
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-uploads] input[type=file]")) take(event.target);
    if (event.target.matches?.(".deed-form input[type=checkbox]")) depend(event.target.form);
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.target.closest?.(".drop")?.classList.toggle("is-over", kind === "dragover");
    });
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-remove]");
    if (!button) return;
    event.preventDefault();
    const answer = await request(button.dataset.remove, null, {});
    if (answer.status === 204) button.closest(".file").remove();
    else location.reload();
  });

  // A form waits for its files. Before anybody else hears of it being sent: it is not, yet.
  addEventListener("submit", (event) => {
    const form = event.target;
    if (!busy.get(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const submitter = event.submitter;
    submitter?.setAttribute("aria-busy", "true");
    form.addEventListener("uploaded", () => {
      submitter?.removeAttribute("aria-busy");
      if (!form.querySelector(".is-refused")) form.requestSubmit(submitter);
    }, { once: true });
  }, true);

  // What a flag rules out is not shown; the server passes it over anyway.
  const depend = (form) => {
    for (const row of form.querySelectorAll("[data-unless], [data-only-if]")) {
      const flag = form.elements.namedItem(row.dataset.unless ?? row.dataset.onlyIf);
      row.hidden = row.dataset.unless ? flag.checked : !flag.checked;
    }
  };
  const arrive = () => {
    for (const form of document.querySelectorAll(".deed-form form")) depend(form);
  };
  arrive();
  document.addEventListener("htmx:afterSettle", arrive);
})();
