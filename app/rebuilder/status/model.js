// What the page knows: snapshots of the last minutes, and what follows from two of them.

const counterTable = JSON.parse(byId('counters').textContent);  // name -> {scope, role, unit, help, aside}

const minutesKept = 5;
const windowSeconds = 60;

const sumOf = (values) => values.reduce((sum, value) => sum + value, 0);

// The counters of all outputs, added up.
function outputTotals(snapshot) {
  const totals = {};
  for (const output of snapshot.outputs || []) {
    for (const [name, value] of Object.entries(output.counters || {})) totals[name] = (totals[name] || 0) + value;
  }
  return totals;
}

const roles = {};
for (const name of Object.keys(counterTable)) (roles[counterTable[name].role] ||= []).push(name);

const total = (counters, role) => sumOf((roles[role] || []).map((name) => counters[name] || 0));

// What moved between two snapshots; since the start, if there is no first one.
function moved(before, now) {
  const out = {};
  for (const [name, value] of Object.entries(now || {})) {
    out[name] = Math.max(0, value - ((before || {})[name] || 0));
  }
  return out;
}

function byKey(list, keyOf) {
  return new Map((list || []).map((item) => [keyOf(item), item]));
}

const sourceKey = (source) => `${source.vni} ${source.source}`;
const nameOf = (item) => item.name;

// The latency that a share of the answers did not exceed; the histogram's bounds are all that is known of each.
function percentile(latency, before, share) {
  if (!latency || !latency.counts) return NaN;
  const counts = latency.counts.map((count, i) => count - ((before && before.counts[i]) || 0));
  const wanted = sumOf(counts) * share;
  if (!(wanted > 0)) return NaN;
  let passed = 0;
  for (let i = 0; i < counts.length; ++i) {
    if (passed + counts[i] >= wanted) {
      const low = i === 0 ? 0 : latency.le_s[i - 1];
      const high = i < latency.le_s.length ? latency.le_s[i] : low;  // beyond the last bound: at least that
      return low + (high - low) * ((wanted - passed) / counts[i]);
    }
    passed += counts[i];
  }
  return NaN;
}

// Rates between two snapshots: what the charts show of one moment.
function sample(before, now) {
  const elapsed = now.uptime_s - before.uptime_s;  // the host's clock may be set in between
  const counters = moved(before.counters, now.counters);
  const sent = moved(outputTotals(before), outputTotals(now));
  const rate = (value) => (value || 0) / elapsed;
  const out = {
    at: now.uptime_s,
    elapsed,
    frames: rate(counters.frames),
    bits: rate(counters.frame_bytes) * 8,
    segments: rate(counters.segments),
    refused: rate(total(counters, 'frame_drop')),
    started: rate(counters.requests_started),
    rebuilt: rate(counters.requests_rebuilt),
    lost: rate(total(counters, 'request_lost')),
    gaps: rate(counters.tcp_gaps),
    answered: rate(total(sent, 'request_answered')),
    failed: rate(total(sent, 'request_failed')),
    shed: rate(total(sent, 'request_shed')),
    busy: (now.workers || []).map((worker) => worker.busy * 100),
    outputs: new Map(),
    sources: new Map(),
    ports: new Map(),
  };
  const outputsBefore = byKey(before.outputs, nameOf);
  for (const output of now.outputs || []) {
    const was = outputsBefore.get(output.name) || {};
    const counts = moved(was.counters, output.counters);
    out.outputs.set(output.name, {
      answered: rate(total(counts, 'request_answered')),
      failed: rate(total(counts, 'request_failed')),
      shed: rate(total(counts, 'request_shed')),
    });
  }
  const sourcesBefore = byKey(before.sources, sourceKey);
  for (const source of now.sources || []) {
    const was = sourcesBefore.get(sourceKey(source)) || { frames: 0, bytes: 0 };
    out.sources.set(sourceKey(source),
      { frames: rate(source.frames - was.frames), bits: rate(source.bytes - was.bytes) * 8 });
  }
  const portsBefore = byKey(before.ports, nameOf);
  for (const port of now.ports || []) {
    const was = portsBefore.get(port.name) || { frames: 0 };
    out.ports.set(port.name, rate(port.frames - was.frames));
  }
  return out;
}

class History {
  constructor() { this.clear(); }

  clear() {
    this.snapshots = [];
    this.samples = [];
  }

  // False when it tells nothing new.
  add(snapshot) {
    const last = this.last();
    if (last && snapshot.uptime_s < last.uptime_s) this.clear();  // another process
    else if (last && snapshot.uptime_s - last.uptime_s < 0.2) return false;
    if (this.last()) this.samples.push(sample(this.last(), snapshot));
    this.snapshots.push(snapshot);
    const oldest = snapshot.uptime_s - minutesKept * 60;
    while (this.samples.length && this.samples[0].at < oldest) this.samples.shift();
    while (this.snapshots.length > 2 && this.snapshots[1].uptime_s <= snapshot.uptime_s - windowSeconds) this.snapshots.shift();
    return true;
  }

  last() { return this.snapshots[this.snapshots.length - 1]; }

  // The rates of the last seconds, calmer than those of one.
  recent() {
    const now = this.last();
    const before = this.snapshots.findLast((each) => each.uptime_s <= now.uptime_s - 2.5) || this.snapshots[0];
    return before === now ? null : sample(before, now);
  }

  // [before, now]: of the last minute, or since the start. A process that is younger has its start before.
  window(kind) {
    const now = this.last();
    if (kind === 'start' || now.uptime_s <= windowSeconds) return [null, now];
    return [this.snapshots[0] === now ? null : this.snapshots[0], now];
  }
}

// ---- the stages of the flow ----

// The beginning of a counter's help that says why, without what follows from it.
const reasonText = (name) => counterTable[name].help.replace(/^(not sent|HTTP\/2): /, '').split(/[:;(]|, /)[0].trim();

// Each stage: what came in, what went on, and each reason why not. What is in none of them yet waits.
function stages(before, now) {
  const counters = moved(before && before.counters, now.counters);
  const sent = moved(before && outputTotals(before), outputTotals(now));
  const count = Math.max(1, (now.outputs || []).length);
  const reasons = (values, role, times) => (roles[role] || [])
    .map((name) => ({ name, text: reasonText(name), amount: (values[name] || 0) * (times || 1), lost: !counterTable[name].aside }))
    .filter((reason) => reason.amount > 0);
  const stage = (name, into, on, why, waiting, unit) => {
    const list = [...why].sort((a, b) => b.lost - a.lost || b.amount - a.amount);
    const left = Math.max(0, into - on - sumOf(list.map((each) => each.amount)));
    return { name, into, on, why: list, left, waiting, format: unit || short };
  };
  const rebuilt = counters.requests_rebuilt || 0;
  const portLosses = sumOf((now.ports || []).map((port) => {
    const was = before && (before.ports || []).find((each) => each.name === port.name);
    const of = (each) => (each ? each.missed + each.no_buffers : 0);
    return Math.max(0, of(port) - of(was));
  }));
  const missed = portLosses > 0
    ? [{ name: 'missed', text: 'missed: no room in the receive ring', amount: portLosses, lost: true }] : [];
  const gapBytes = counters.tcp_gap_bytes || 0;
  const gap = gapBytes > 0
    ? [{ name: 'tcp_gap_bytes', text: 'never seen: holes in the streams', amount: gapBytes, lost: true }] : [];
  const answers = ['answered_2xx', 'answered_3xx', 'answered_4xx', 'answered_5xx', 'written']
    .filter((name) => sent[name] > 0)
    .map((name) => ({ name, text: name.replace('answered_', ''), amount: sent[name] }));
  const handed = sent.handed_off || 0;
  const answered = total(sent, 'request_answered');
  const payload = counters.tcp_payload_bytes || 0;
  return [
    stage('Frames', (counters.frames || 0) + portLosses, counters.segments || 0,
      [...missed, ...reasons(counters, 'frame_drop')], 'in work'),
    stage('TCP payload', payload + gapBytes, counters.tcp_delivered_bytes || 0,
      [...gap, ...reasons(counters, 'byte_drop')], 'waiting for an earlier segment', bytes),
    stage('Requests begun', counters.requests_started || 0, rebuilt, reasons(counters, 'request_lost'), 'still coming'),
    stage(count > 1 ? `Rebuilt, for ${count} outputs` : 'Rebuilt', rebuilt * count, handed,
      [...reasons(counters, 'request_filtered', count), ...reasons(sent, 'request_shed')], 'on their way'),
    stage('Handed off', handed, answered, reasons(sent, 'request_failed'), 'waiting for an answer'),
    { ...stage('Answered', answered, answered, [], ''), answers },
  ];
}

// ---- protocols ----

const protocols = [
  ['HTTP/1 requests', 'c1', ['streams_http1']],
  ['HTTP/2 requests', 'c2', ['streams_http2']],
  ['HTTP responses', 'c5', ['streams_http1_responses', 'streams_http2_responses']],
  ['TLS', 'c3', ['streams_tls']],
  ['HTTP/2, joined late', 'c4', ['streams_http2_midstream']],
  ['Other protocols', 'c6', ['streams_ssh', 'streams_redis', 'streams_mysql', 'streams_postgresql', 'streams_smtp', 'streams_tunnel']],
  ['Not recognised', 'grey', ['streams_unknown']],
];

function protocolMix(before, now) {
  const counters = moved(before && before.counters, now.counters);
  return protocols.map(([label, colour, names]) => ({ label, colour, amount: sumOf(names.map((name) => counters[name] || 0)) }));
}
