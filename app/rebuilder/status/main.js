// Asks for a snapshot each second, as long as somebody can see the page, and says so when none comes.

const history_ = new History();
const flow = new Flow(byId('flow'));
const pollMs = 1000;
let pollTimer;
let lastAnswer;  // when, by this machine's clock
let asking = false;

const windowKind = () => document.querySelector('input[name=window]:checked').value;

function showLink(state, text) {
  byId('link').dataset.state = state;
  setText(byId('link-text'), text);
}

function render() {
  const now = history_.last();
  if (!now) return;
  const kind = windowKind();
  setText(byId('host'), now.host || '');
  setText(byId('identity'), `version ${now.version}, up ${duration(now.uptime_s)}${now.health && !now.health.ok ? `, health check: ${now.health.reason}` : ''}`);
  document.title = `${now.host || 'rebuilder'}: ${{ error: 'trouble', warning: 'look here', fine: 'fine' }[worst(now)] || 'rebuilder'}`;
  for (const name of document.querySelectorAll('.window-name')) setText(name, kind === 'start' ? 'since start' : 'last minute');
  showFindings(now.findings || []);
  showTiles(history_);
  flow.update(stages(...history_.window(kind)));
  showArriving(history_);
  showHttp(history_, kind);
  showComplete(history_, kind);
  showCores(history_);
  showOutputs(history_, kind);
  showLedger(history_, kind);
}

function worst(snapshot) {
  const found = (snapshot.findings || []).map((each) => each.severity);
  return ['error', 'warning', 'fine'].find((severity) => found.includes(severity));
}

function showLoss(reason) {
  const since = lastAnswer === undefined ? '' : `, figures are ${duration((performance.now() - lastAnswer) / 1000)} old`;
  showLink('lost', `Connection lost${since}`);
  const text = lastAnswer === undefined ? 'rebuilder does not answer' : 'rebuilder no longer answers; what is below is its last word';
  showFindings([{ severity: 'error', text, do: `${reason} Is the process running, and is the way to its --admin-listen address open?` }]);
  document.title = 'rebuilder: connection lost';
}

async function poll() {
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch('status.json', { cache: 'no-store', signal: AbortSignal.timeout(4000) });
    if (!answer.ok) throw new Error(`It answers with ${answer.status}.`);
    const snapshot = await answer.json();
    lastAnswer = performance.now();
    showLink('live', 'Live');
    if (history_.add(snapshot)) render();
  } catch (error) {
    if (!document.hidden) showLoss(error instanceof TypeError ? 'Nobody is reached there.' : error.name === 'TimeoutError' ? 'No answer within 4 seconds.' : String(error.message));
  } finally {
    asking = false;
  }
}

function schedule() {
  clearInterval(pollTimer);
  if (document.hidden) {
    showLink('paused', 'Paused');
    return;
  }
  poll();
  pollTimer = setInterval(poll, pollMs);
}

document.addEventListener('visibilitychange', schedule);
for (const input of document.querySelectorAll('input[name=window]')) input.addEventListener('change', render);
schedule();
