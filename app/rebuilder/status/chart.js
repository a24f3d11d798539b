// Charts of the last minutes, and sparklines. SVG, redrawn each second.

const chartHeight = 132;
const plot = { left: 42, right: 6, top: 8, bottom: 20 };

// The least round number that is not below: 1, 2, 2.5 or 5 times a power of ten.
function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value * 0.9999);
}

// How many minutes a chart shows: as many as there are figures of, but at least one.
function minutesShown(samples) {
  if (!samples.length) return 1;
  const age = samples[samples.length - 1].at - samples[0].at;
  return Math.min(minutesKept, Math.max(1, Math.ceil(age / 60)));
}

// Runs of points without a hole between them: the page sees nothing while its tab is hidden.
function runsOf(points) {
  const runs = [];
  for (const point of points) {
    if (point.elapsed > 5 || !runs.length) runs.push([]);
    runs[runs.length - 1].push(point);
  }
  return runs;
}

class Chart {
  // Series: {label, colour, of(sample)}. `most`: the axis never ends below it.
  constructor(parent, { title, series, format, most, stacked }) {
    Object.assign(this, { title, series, format, most: most || 0, stacked: Boolean(stacked), samples: [] });
    this.svg = draw('svg', { height: chartHeight, role: 'img' });
    this.legend = make('div', { class: 'legend' });
    const element = make('div', { class: 'chart' }, [this.svg, this.legend]);
    parent.append(element);
    this.element = element;
    new ResizeObserver(() => this.render()).observe(element);
    this.svg.addEventListener('pointermove', (event) => {
      this.pointer = event.clientX - this.svg.getBoundingClientRect().left;
      this.render();
    });
    this.svg.addEventListener('pointerleave', () => {
      this.pointer = undefined;
      this.render();
    });
  }

  update(samples, series) {
    this.samples = samples;
    if (series) this.series = series;
    this.render();
  }

  render() {
    const width = this.element.clientWidth;
    if (!width) return;
    const now = this.samples.length ? this.samples[this.samples.length - 1].at : 0;
    const minutes = minutesShown(this.samples);
    const right = width - plot.right;
    const bottom = chartHeight - plot.bottom;
    const points = this.samples.map((each) => {
      let sum = 0;
      const values = this.series.map((series) => {
        const value = series.of(each) || 0;
        sum += value;
        return { value, top: this.stacked ? sum : value, base: this.stacked ? sum - value : 0 };
      });
      const x = plot.left + (1 - (now - each.at) / (minutes * 60)) * (right - plot.left);
      return { x, values, at: each.at, elapsed: each.elapsed };
    });
    const highest = Math.max(this.most, ...points.flatMap((point) => point.values.map((each) => each.top)));
    const ceiling = roundUp(highest);
    const y = (value) => bottom - (value / ceiling) * (bottom - plot.top);

    const parts = [];
    for (const share of [0, 0.5, 1]) {
      const at = Math.round(y(ceiling * share)) + 0.5;
      parts.push(draw('line', { class: 'grid', x1: plot.left, x2: right, y1: at, y2: at }));
      parts.push(draw('text', { x: plot.left - 6, y: at + 4, 'text-anchor': 'end', text: this.format(ceiling * share) }));
    }
    for (let tick = 0; tick <= minutes; tick += width < 420 ? minutes : 1) {
      const x = right - (tick / minutes) * (right - plot.left);
      const anchor = tick === 0 ? 'end' : tick === minutes ? 'start' : 'middle';
      parts.push(draw('text', { x, y: chartHeight - 4, 'text-anchor': anchor, text: tick ? `${tick} min` : 'now' }));
    }
    const lines = draw('g', { class: this.stacked ? 'stacked' : '' });
    this.series.forEach((series, i) => {
      for (const run of runsOf(points)) {
        const along = run.map((point) => `${point.x.toFixed(1)},${y(point.values[i].top).toFixed(1)}`);
        const back = run.map((point) => `${point.x.toFixed(1)},${y(point.values[i].base).toFixed(1)}`).reverse();
        lines.append(draw('path', { class: `area ${series.colour}`, d: `M${along.join('L')}L${back.join('L')}Z` }));
        lines.append(draw('path', { class: `line ${series.colour}`, d: `M${along.join('L')}` }));
      }
    });
    parts.push(lines);

    let shown = points[points.length - 1];
    if (this.pointer !== undefined && points.length) {
      shown = points.reduce((best, point) =>
        (Math.abs(point.x - this.pointer) < Math.abs(best.x - this.pointer) ? point : best));
      parts.push(draw('line', { class: 'cursor', x1: shown.x, x2: shown.x, y1: plot.top, y2: bottom }));
    }
    this.svg.setAttribute('viewBox', `0 0 ${width} ${chartHeight}`);
    this.svg.replaceChildren(...parts);
    const words = this.series.map((series, i) => `${series.label} ${shown ? this.format(shown.values[i].value) : '–'}`);
    this.svg.setAttribute('aria-label', `${this.title}, the last ${minutes === 1 ? 'minute' : `${minutes} minutes`}. Now: ${words.join(', ')}`);
    const legend = this.series.map((series, i) => make('span', {}, [
      make('span', { class: `swatch ${series.colour}` }),
      `${series.label} `,
      make('b', { text: shown ? this.format(shown.values[i].value) : '–' }),
    ]));
    if (this.pointer !== undefined && shown) {
      legend.push(make('time', { text: `${Math.round(now - shown.at)} s ago` }));
    }
    this.legend.replaceChildren(...legend);
  }
}

function drawSpark(svg, samples, of, axis) {
  const now = samples.length ? samples[samples.length - 1].at : 0;
  const minutes = minutesShown(samples);
  const most = Math.max(axis || 1e-9, ...samples.map((each) => of(each) || 0));
  const parts = [];
  for (const run of runsOf(samples)) {
    const points = run.map((each) =>
      `${(100 - (now - each.at) / (minutes * 0.6)).toFixed(2)},${(37 - ((of(each) || 0) / most) * 32).toFixed(2)}`);
    const first = points[0].split(',')[0];
    const last = points[points.length - 1].split(',')[0];
    parts.push(draw('path', { class: 'area', d: `M${points.join('L')}L${last},40L${first},40Z` }));
    parts.push(draw('path', { class: 'line', d: `M${points.join('L')}` }));
  }
  svg.replaceChildren(...parts);
}
