// Choosing a template writes it where the message is being written. Without this file they stand on their own page.
document.addEventListener("change", (event) => {
  const select = event.target;
  if (!select.matches?.("select[data-templates]")) return;
  const text = select.selectedOptions[0]?.dataset.text;
  if (!text) return;
  const area = document.getElementById(select.dataset.templates);
  area.value = area.value.trim() ? `${area.value.trimEnd()}\n\n${text}` : text;
  select.value = "";
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
});
