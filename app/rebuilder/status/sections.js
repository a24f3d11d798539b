// The parts of the page that answer one question each.

const icons = {
  error: ['M12 7v6', 'M12 16.6v.1', 'M12 2.5 22 12l-10 9.5L2 12Z'],
  warning: ['M12 9v5', 'M12 17v.1', 'M12 3 22 20.5H2Z'],
  fine: ['m7.5 12.5 3 3 6-7', 'M12 2.5a9.5 9.5 0 1 0 .01 0Z'],
  waiting: ['M12 7v5l3 2', 'M12 2.5a9.5 9.5 0 1 0 .01 0Z'],
};
const severities = { error: 'Error', warning: 'Warning', fine: 'Fine', waiting: 'Wait' };

function icon(name) {
  return draw('svg', {
    viewBox: '0 0 24 24', 'aria-hidden': 'true', fill: 'none', stroke: 'currentColor', 'stroke-width': 1.9,
    'stroke-linecap': 'round', 'stroke-linejoin': 'round',
  }, icons[name].map((d) => draw('path', { d })));
}

const findings = new Keyed(byId('findings'), (finding) => {
  const strong = make('strong');
  const advice = make('p');
  const severity = finding.severity in icons ? finding.severity : 'warning';
  const element = make('li', { class: 'finding', 'data-severity': severity },
    [icon(severity), make('span', { class: 'hidden', text: `${severities[severity]}: ` }), strong, advice]);
  return {
    element,
    update(each) {
      setText(strong, each.text);
      setText(advice, each.do || '');
    },
  };
});

// The same sentence with other figures is the same finding: nobody wants to be told each second.
const withoutFigures = (text) => text.replace(/[\d.,]+/g, '#');
let announced = '';

function showFindings(list) {
  const shown = list.length ? list
    : [{ severity: 'waiting', text: 'Nothing to say yet', do: 'The first sentence comes with the second snapshot.' }];
  findings.show(shown, (each) => `${each.severity} ${withoutFigures(each.text)}`);
  const key = shown.map((each) => withoutFigures(each.text)).join();
  if (key === announced) return;
  announced = key;
  setText(byId('announcer'), shown.map((each) => `${severities[each.severity] || ''}: ${each.text}. ${each.do || ''}`).join(' '));
}

// ---- tiles ----

const tiles = new Keyed(byId('tiles'), (tile) => {
  const value = make('span', { class: 'value' });
  const note = make('span', { class: 'note' });
  const spark = draw('svg', { class: 'spark', viewBox: '0 0 100 40', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const link = make('a', { class: 'tile', href: tile.link }, [
    make('span', { class: 'ask' }, [make('span', { class: 'dot', 'aria-hidden': 'true' }), tile.ask]), value, note, spark]);
  return {
    element: make('li', {}, [link]),
    update(each) {
      link.dataset.state = each.state;
      value.replaceChildren(each.value, ...(each.unit ? [make('small', { text: ` ${each.unit}` })] : []));
      setText(note, each.note);
      drawSpark(spark, each.samples, each.of, each.most);
    },
  };
});

// It says so itself, or it was handed requests and answered none.
function isDown(output, before) {
  const was = before && (before.outputs || []).find((each) => each.name === output.name);
  const counts = moved(was && was.counters, output.counters);
  const answered = total(counts, 'request_answered');
  return answered === 0 && Boolean(output.trouble || (counts.handed_off > 20 && output.waiting > 20) || counts.failed_connect > 0);
}

function showTiles(history) {
  const recent = history.recent();
  const now = history.last();
  const [before] = history.window('minute');
  const all = stages(before, now);
  const lossOf = (stage) => (stage.into > 0 ? sumOf(stage.why.filter((each) => each.lost).map((each) => each.amount)) / stage.into : 0);
  const holes = lossOf(all[1]);
  const lostRequests = lossOf(all[2]);
  const lost = lossOf(all[3]) + lossOf(all[4]);
  const down = (now.outputs || []).filter((output) => isDown(output, before)).length;
  const levelOf = (share) => (share > 0.02 ? 'bad' : share > 0.001 ? 'warn' : 'good');
  const busiest = Math.max(0, ...(now.workers || []).map((worker) => worker.busy));
  const p99 = Math.max(...(now.outputs || []).map((output) => outputLatency(output, before, 0.99)).filter((value) => value > 0));
  const streams = protocolMix(before, now);
  const http = streams[0].amount + streams[1].amount;
  const newStreams = sumOf(streams.map((each) => each.amount));
  const rates = recent || { frames: NaN, bits: NaN, rebuilt: NaN, answered: NaN };
  const arriving = rates.frames > 0;
  const sources = (now.sources || []).length;
  const begun = all[2].into > 0;
  tiles.show([
    { ask: 'Arriving?', link: '#arriving', state: !recent ? '' : arriving ? 'good' : 'bad', value: short(rates.frames), unit: 'frames/s',
      note: `${short(rates.bits / 1e6)} Mbit/s${sources ? ` from ${sources} source${sources === 1 ? '' : 's'}` : ''}`, of: (each) => each.frames },
    { ask: 'HTTP?', link: '#http', state: !arriving ? '' : begun ? 'good' : 'bad', value: short(rates.rebuilt), unit: 'requests/s',
      note: newStreams > 0 ? `${percent(http / newStreams)} of new streams are requests` : 'no new streams', of: (each) => each.rebuilt },
    { ask: 'Complete?', link: '#complete', state: begun ? levelOf(Math.max(holes, lostRequests)) : '', value: percent(begun ? 1 - lostRequests : NaN), unit: 'whole',
      note: all[1].into > 0 ? `${percent(holes)} of the payload is missing` : 'no payload yet', of: (each) => each.lost },
    { ask: 'Delivered?', link: '#delivered', state: down ? 'bad' : all[3].into > 0 ? levelOf(lost) : '', value: short(rates.answered), unit: 'answers/s',
      note: down ? `${down} of ${now.outputs.length} output${now.outputs.length === 1 ? '' : 's'} down` : p99 > 0 ? `p99 ${seconds(p99)}, ${percent(lost)} lost` : all[3].into > 0 ? `${percent(lost)} lost` : 'nothing to deliver', of: (each) => each.answered },
    { ask: 'Cores busy?', link: '#cores', state: busiest > 0.95 ? 'bad' : busiest > 0.8 ? 'warn' : 'good', value: percent(busiest).replace(' %', ''), unit: '%',
      note: `the busiest of ${(now.workers || []).length} worker${(now.workers || []).length === 1 ? '' : 's'}`, of: (each) => Math.max(0, ...each.busy), most: 100 },
  ].map((tile) => ({ ...tile, samples: history.samples })), (tile) => tile.ask);
}

// ---- arriving ----

const mostSources = 10;
const cell = (text, kind) => make('td', { text, class: kind || '' });
const row = (cells) => make('tr', {}, cells);

const arrivingChart = new Chart(byId('arriving-chart'), {
  title: 'Frames a second', format: short,
  series: [
    { label: 'Frames/s', colour: 'c1', of: (each) => each.frames },
    { label: 'with nothing to examine in them', colour: 'c4', of: (each) => each.refused },
  ],
});

function showArriving(history) {
  arrivingChart.update(history.samples);
  const now = history.last();
  const recent = history.recent();
  const rates = recent ? recent.sources : new Map();
  const all = sumOf([...rates.values()].map((each) => each.frames));
  const sources = (now.sources || [])
    .map((source) => ({ ...source, rate: rates.get(sourceKey(source)) || { frames: 0, bits: 0 } }))
    .sort((a, b) => b.rate.frames - a.rate.frames || b.frames - a.frames);
  const shown = sources.filter((source) => source.rate.frames > 0 || !rates.size).slice(0, mostSources);
  const rows = shown.map((source) => {
    const share = all > 0 ? source.rate.frames / all : 0;
    const bar = make('i');
    bar.style.width = `${share * 100}%`;
    const last = cell(percent(share), 'number');
    last.append(make('span', { class: 'bar' }, [bar]));
    return row([cell(String(source.vni)), cell(source.source), cell(short(source.rate.frames), 'number'),
      cell(short(source.rate.bits / 1e6), 'number'), last]);
  });
  if (sources.length > shown.length) {
    const silent = sources.filter((source) => !(source.rate.frames > 0)).length;
    const more = cell(`and ${sources.length - shown.length} more, ${silent} of them silent now`, 'quiet');
    more.colSpan = 5;
    rows.push(row([more]));
  }
  byId('sources').hidden = !rows.length;
  byId('sources').tBodies[0].replaceChildren(...rows);
  byId('ports').tBodies[0].replaceChildren(...(now.ports || []).map((port) => {
    const missed = port.missed + port.no_buffers;
    return row([cell(port.name, 'wide'), cell(port.link ? 'up' : 'down', port.link ? '' : 'bad'),
      cell(short(recent ? recent.ports.get(port.name) : NaN), 'number'), cell(short(missed), missed ? 'number bad' : 'number'),
      cell(short(port.errors), port.errors ? 'number bad' : 'number')]);
  }));
}

// ---- HTTP, complete ----

const httpChart = new Chart(byId('http-chart'), {
  title: 'Requests a second', format: short,
  series: [{ label: 'Requests/s rebuilt', colour: 'c1', of: (each) => each.rebuilt }],
});
const completeChart = new Chart(byId('complete-chart'), {
  title: 'Holes and lost requests a second', format: short,
  series: [
    { label: 'Holes/s', colour: 'c4', of: (each) => each.gaps },
    { label: 'Requests/s lost', colour: 'red', of: (each) => each.lost },
  ],
});

// A bar of shares, with its legend below.
function showStack(parent, parts, format) {
  const all = sumOf(parts.map((part) => part.amount));
  const bar = make('div', { class: 'stack', 'aria-hidden': 'true' }, parts.filter((part) => part.amount > 0).map((part) => {
    const piece = make('i', { class: part.colour });
    piece.style.flexGrow = String(part.amount / all);
    return piece;
  }));
  const legend = make('div', { class: 'legend' }, parts.filter((part) => part.amount > 0 || part.always).map((part) => make('span', {}, [
    make('span', { class: `swatch ${part.colour}` }), `${part.label} `, make('b', { text: format(part.amount, all) })])));
  parent.replaceChildren(bar, legend);
}

function showFacts(parent, facts) {
  parent.replaceChildren(...facts.map(([name, value, more, bad]) => make('div', {}, [
    make('dt', { text: name }), make('dd', { class: bad ? 'bad' : '' }, [value, ' ', make('small', { text: more })])])));
}

function showHttp(history, kind) {
  httpChart.update(history.samples);
  const [before, now] = history.window(kind);
  const mix = protocolMix(before, now);
  const counters = moved(before && before.counters, now.counters);
  const rebuilt = counters.requests_rebuilt || 0;
  const filtered = total(counters, 'request_filtered');
  showFacts(byId('http-facts'), [
    ['Requests rebuilt', short(rebuilt), '', false],
    ['Not selected', short(filtered), rebuilt > 0 ? percent(filtered / rebuilt) : '', false],
    ['With a cut body', short(counters.requests_truncated || 0), '', false],
    ['Bodies', bytes(counters.request_body_bytes || 0), '', false],
  ]);
  if (sumOf(mix.map((each) => each.amount)) === 0) {
    byId('mix').replaceChildren(make('p', { class: 'empty', text: 'No new streams.' }));
    return;
  }
  showStack(byId('mix'), mix, (amount, all) => percent(amount / all));
}

function showComplete(history, kind) {
  completeChart.update(history.samples);
  const [before, now] = history.window(kind);
  const counters = moved(before && before.counters, now.counters);
  const of = (name) => counters[name] || 0;
  const lost = total(counters, 'request_lost');
  showFacts(byId('complete-facts'), [
    ['Requests lost', short(lost), of('requests_started') > 0 ? percent(lost / of('requests_started')) : '', lost > 0],
    ['Holes', short(of('tcp_gaps')), of('tcp_gap_bytes') > 0 ? bytes(of('tcp_gap_bytes')) : '', of('tcp_gaps') > 0],
    ['Seen first in mid-stream', short(of('flows_midstream')), of('flows_opened') > 0 ? percent(of('flows_midstream') / of('flows_opened')) : '', false],
    ['Frames cut by the mirror', short(of('tcp_truncated_segments')), '', of('tcp_truncated_segments') > 0],
    ['Segments out of order', short(of('tcp_out_of_order_segments')), '', false],
  ]);
}

// ---- cores ----

const coresChart = new Chart(byId('cores-chart'), { title: 'Busy', format: (value) => `${Math.round(value)} %`, most: 100, series: [] });
const coreColours = ['c1', 'c2', 'c3', 'c4', 'c6', 'c5'];

function meter(name, value, most, text) {
  const share = most > 0 ? Math.min(1, value / most) : 0;
  const fill = make('i');
  fill.style.width = `${share * 100}%`;
  return make('div', { class: 'meter', 'data-level': share > 0.9 ? 'full' : share > 0.7 ? 'high' : '' }, [
    make('span', { text: name }), make('span', { class: 'rail', 'aria-hidden': 'true' }, [fill]), make('b', { text })]);
}

function showCores(history) {
  const workers = history.last().workers || [];
  const series = workers.length <= coreColours.length
    ? workers.map((_, i) => ({ label: `Worker ${i}`, colour: coreColours[i], of: (each) => each.busy[i] }))
    : [{ label: 'The busiest', colour: 'c4', of: (each) => Math.max(0, ...each.busy) },
      { label: 'Mean', colour: 'c1', of: (each) => sumOf(each.busy) / each.busy.length }];
  coresChart.update(history.samples, series);
  const ofMost = (value, most) => (most > 0 ? percent(value / most) : short(value));
  byId('workers').replaceChildren(...workers.map((worker, i) => make('div', { class: 'worker' }, [
    make('h3', {}, [`Worker ${i}`, ...(worker.heartbeat_age_s > 1
      ? [make('span', { class: 'bad', text: `silent for ${seconds(worker.heartbeat_age_s)}` })] : [])]),
    meter('Busy', worker.busy, 1, percent(worker.busy)),
    meter('Flows', worker.flows, worker.flows_most, short(worker.flows)),
    meter('Buffers', worker.buffers, worker.buffers_most, ofMost(worker.buffers, worker.buffers_most)),
    meter('Held', worker.held, worker.held_most, ofMost(worker.held, worker.held_most)),
  ])));
}

// ---- outputs ----

function outputLatency(output, before, share) {
  const was = before && (before.outputs || []).find((each) => each.name === output.name);
  return percentile(output.latency, was && was.latency, share);
}

const outputCards = new Keyed(byId('outputs'), (first) => {
  const trouble = make('p', { class: 'trouble' });
  const summary = make('p', { class: 'quiet' });
  const shares = make('div');
  const facts = make('dl', { class: 'facts' });
  const waiting = make('div');
  const element = make('article', { class: 'card output' }, [make('h3', { text: first.output.name }), summary, trouble]);
  const find = (each) => each.outputs.get(first.output.name) || {};
  const chart = new Chart(element, {
    title: `Requests a second to ${first.output.name}`, format: short,
    series: [
      { label: 'Answered/s', colour: 'c1', of: (each) => find(each).answered },
      { label: 'Failed/s', colour: 'red', of: (each) => find(each).failed },
      { label: 'Shed/s', colour: 'c4', of: (each) => find(each).shed },
    ],
  });
  element.append(shares, facts, waiting);
  return {
    element,
    update({ output, before, samples }) {
      const was = before && (before.outputs || []).find((each) => each.name === output.name);
      const counts = moved(was && was.counters, output.counters);
      const of = (name) => counts[name] || 0;
      const failed = total(counts, 'request_failed');
      const shed = total(counts, 'request_shed');
      setText(trouble, output.trouble || '');
      const handed = of('handed_off');
      setText(summary, `${short(handed)} handed off, ${output.forwarders} forwarder${output.forwarders === 1 ? '' : 's'}, ${short(output.connections)} connection${output.connections === 1 ? '' : 's'}`);
      chart.update(samples);
      showStack(shares, [
        { label: '2xx', colour: 'c2', amount: of('answered_2xx') },
        { label: '3xx', colour: 'c1', amount: of('answered_3xx') },
        { label: '4xx', colour: 'c4', amount: of('answered_4xx') },
        { label: '5xx', colour: 'c6', amount: of('answered_5xx') },
        { label: 'written', colour: 'c2', amount: of('written') },
        { label: 'failed', colour: 'red', amount: failed },
        { label: 'shed', colour: 'red', amount: shed },
      ], (amount, all) => `${short(amount)} (${percent(amount / all)})`);
      showFacts(facts, [
        ['p50', seconds(outputLatency(output, before, 0.5)), '', false],
        ['p99', seconds(outputLatency(output, before, 0.99)), '', false],
        ['Failed', short(failed), '', failed > 0],
        ['Shed', short(shed), '', shed > 0],
        ['Sent again', short(of('retries')), '', false],
      ]);
      waiting.replaceChildren(meter('Queue', output.waiting, output.waiting_most, `${short(output.waiting)} of ${short(output.waiting_most)}`));
    },
  };
});

function showOutputs(history, kind) {
  const [before, now] = history.window(kind);
  outputCards.show((now.outputs || []).map((output) => ({ output, before, samples: history.samples })), (each) => each.output.name);
}

// ---- every counter ----

function showLedger(history, kind) {
  const [before, now] = history.window(kind);
  const values = { ...moved(before && before.counters, now.counters), ...moved(before && outputTotals(before), outputTotals(now)) };
  const body = byId('ledger').tBodies[0];
  if (!body.rows.length) {
    for (const [name, counter] of Object.entries(counterTable)) {
      const value = cell('', 'number');
      const element = row([make('td', {}, [make('code', { text: name })]), value, cell(counter.help, 'wide')]);
      element.dataset.counter = name;
      body.append(element);
    }
  }
  for (const element of body.rows) {
    const name = element.dataset.counter;
    setText(element.cells[1], whole.format(values[name] || 0));
    const counter = counterTable[name];
    const loss = /drop|lost|shed|failed/.test(counter.role) && !counter.aside && values[name] > 0;
    element.cells[1].className = loss ? 'number bad' : 'number';
  }
}
