// Draws the charts of a page with uPlot, which is fetched only where there is one. The same numbers stand in tables.
(() => {
  const drawn = new Map(); // figure -> what redraws it

  const loaded = {};
  const load = (tag, at) => loaded[at] ??= new Promise((resolve, reject) => {
    const made = document.createElement(tag);
    if (tag === "link") made.rel = "stylesheet";
    made[tag === "link" ? "href" : "src"] = at;
    made.addEventListener("load", resolve);
    made.addEventListener("error", reject);
    document.head.append(made);
  });

  // A colour of the stylesheet as it is now: by day or by night.
  const colour = (figure, name) => {
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    figure.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const faded = (rgb) => rgb.replace(/^rgb\((.*)\)$/, "rgba($1, .16)");

  // A label of several words over several lines, as far as there is room for it.
  const wrapped = (text, room) => {
    const parts = /[\u3000-\u9fff]/.test(text) ? text.match(/[\x21-\x7e]+ ?|./gu) : text.split(/(?<= )/);
    const most = Math.max(4, Math.floor(room / (/[\u3000-\u9fff]/.test(text) ? 12 : 6.6)));
    const lines = [""];
    for (const part of parts) {
      if (lines.at(-1) && (lines.at(-1) + part).trimEnd().length > most) lines.push("");
      lines[lines.length - 1] += part;
    }
    return lines.map((line) => line.trim()).slice(0, 4).join("\n");
  };

  const options = (figure, told, width) => {
    const ink = colour(figure, "muted");
    const grid = { stroke: colour(figure, "line"), width: 1 };
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const language = document.documentElement.lang;
    const numbers = new Intl.NumberFormat(language);
    const bars = told.kind === "bars";
    const many = told.series.length;
    const series = told.series.map((one, at) => {
      const stroke = colour(figure, one.tone);
      if (!bars) return { label: one.label, stroke, width: 2, points: { show: told.along.length < 40, size: 5 }, fill: at ? undefined : faded(stroke) };
      // Several bars of one thing stand beside each other.
      const paths = uPlot.paths.bars({ size: [0.72 / many, 46], align: many === 1 ? 0 : at === 0 ? -1 : 1 });
      return { label: one.label, stroke, fill: stroke, width: 0, paths, points: { show: false } };
    });
    const count = told.along.length;
    const slot = (width - 60) / count;
    const tight = bars && slot < 46;
    return {
      width,
      height: tight ? 300 : 240,
      legend: { show: true, live: false },
      cursor: { show: false },
      scales: {
        x: bars ? { time: false, range: [-0.6, count - 0.4] } : { time: true },
        y: { range: (_, least, most) => [0, Math.max(1, most * 1.08)] },
      },
      axes: [
        bars
          ? {
              stroke: ink, font, grid: { show: false }, ticks: { show: false }, size: tight ? 110 : 66, rotate: tight ? 60 : 0,
              splits: () => told.along.map((_, at) => at),
              values: () => told.along.map((label) => (tight ? label : wrapped(label, slot - 10))),
            }
          : {
              stroke: ink, font, grid, ticks: grid, space: 70,
              values: (_, at) => at.map((second) => new Date(second * 1000).toLocaleDateString(language, { month: "short", day: "numeric", timeZone: "UTC" })),
            },
        { stroke: ink, font, grid, ticks: grid, size: 54, incrs: [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6], values: (_, at) => at.map((value) => numbers.format(value)) },
      ],
      tzDate: (second) => uPlot.tzDate(new Date(second * 1000), "Etc/UTC"),
      series: [{}, ...series],
    };
  };

  const draw = (figure) => {
    const told = JSON.parse(figure.dataset.chart);
    const along = told.kind === "bars" ? told.along.map((_, at) => at) : told.along;
    const data = [along, ...told.series.map((one) => one.values)];
    let plot;
    const redraw = () => {
      const width = Math.floor(figure.clientWidth);
      if (!width) return;
      plot?.destroy();
      plot = new uPlot(options(figure, told, width), data, figure);
      plot.root.setAttribute("role", "img");
      plot.root.setAttribute("aria-label", told.title);
    };
    redraw();
    let seen = figure.clientWidth;
    const watch = new ResizeObserver(() => {
      if (Math.abs(figure.clientWidth - seen) < 2) return;
      seen = figure.clientWidth;
      redraw();
    });
    watch.observe(figure);
    drawn.set(figure, redraw);
  };

  const arrive = async () => {
    for (const figure of drawn.keys()) if (!figure.isConnected) drawn.delete(figure);
    for (const figure of document.querySelectorAll("[data-chart]")) {
      if (drawn.has(figure)) continue;
      drawn.set(figure, () => {});
      try {
        await Promise.all([load("script", figure.dataset.uplot), load("link", figure.dataset.style)]);
      } catch {
        return; // the tables say it all
      }
      if (figure.isConnected) draw(figure);
    }
  };
  const again = () => {
    for (const redraw of drawn.values()) redraw();
  };
  arrive();
  document.addEventListener("htmx:afterSettle", arrive);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new MutationObserver(again).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
})();
