// The ledger as a picture: bands from stage to stage, as wide as what went on; what didn't turns away.
//
// Within a stage, widths are in proportion. From one to the next the unit changes (frames, bytes, requests), so the band
// goes on at the width it had, but never so thin that the next stage couldn't be read.

class Flow {
  constructor(parent) {
    this.parent = parent;
    this.svg = draw('svg', { 'aria-hidden': 'true', focusable: 'false' });
    this.list = make('div', { class: 'stages' });
    parent.append(this.svg, this.list);
    this.parts = [];
    new ResizeObserver(() => this.paint()).observe(parent);
  }

  update(all) {
    this.stages = all;
    while (this.parts.length < all.length) {
      const part = {
        name: make('p', { class: 'name' }),
        amount: make('p', { class: 'amount' }),
        space: make('div', { class: 'space' }),
        why: make('ul'),
      };
      part.element = make('div', { class: 'stage' }, [part.name, part.amount, part.space, part.why]);
      this.list.append(part.element);
      this.parts.push(part);
    }
    all.forEach((stage, i) => this.describe(stage, this.parts[i]));
    this.paint();
  }

  describe(stage, part) {
    setText(part.name, stage.name);
    setText(part.amount, stage.format(stage.into));
    const item = (kind, amount, text, of) => make('li', { class: kind }, [
      make('b', { text: stage.format(amount) }),
      of > 0 ? ` ${text}, ${percent(amount / of)}` : ` ${text}`,
    ]);
    const items = stage.why.slice(0, 4).map((each) => {
      const element = item(each.lost ? 'lost' : 'kept', each.amount, each.text, stage.into);
      if (counterTable[each.name]) element.title = `${each.name}: ${counterTable[each.name].help}`;
      return element;
    });
    const others = stage.why.slice(4);
    if (others.length) {
      const kind = others.some((each) => each.lost) ? 'lost' : 'kept';
      items.push(item(kind, sumOf(others.map((each) => each.amount)), 'for other reasons', stage.into));
    }
    if (stage.left > 0 && stage.waiting) items.push(item('kept', stage.left, stage.waiting));
    for (const each of stage.answers || []) items.push(item(each.name === 'answered_5xx' ? 'lost' : 'good', each.amount, each.text, stage.into));
    if (!items.length) items.push(make('li', { class: 'note', text: stage.into > 0 ? 'all of it went on' : 'nothing yet' }));
    part.why.replaceChildren(...items);
  }

  paint() {
    if (!this.stages || !this.parent.clientWidth) return;
    const wide = getComputedStyle(this.parts[0].space).display !== 'none';
    const box = this.parent.getBoundingClientRect();
    // "Along" is the direction of the flow, "across" its width: to the right and down, or on a narrow screen down and
    // to the right.
    const first = this.parts[0].space.getBoundingClientRect();
    const room = wide ? first.height - 40 : Math.min(64, box.width * 0.2);
    const base = wide ? first.top - box.top + 6 : 2;
    const at = this.parts.map((part) => {
      const each = part.element.getBoundingClientRect();
      return wide ? each.left - box.left : each.top - box.top + 4;
    });
    const point = (along, across) => (wide ? `${along.toFixed(1)},${(base + across).toFixed(1)}`
      : `${(base + across).toFixed(1)},${along.toFixed(1)}`);
    const thick = 9;
    const shapes = [];
    let height = room;
    this.stages.forEach((stage, i) => {
      const node = (from, size, kind) => {
        const [x, y] = point(at[i], from).split(',');
        shapes.push(draw('rect', {
          class: `node ${kind}`, x, y, width: wide ? thick : size, height: wide ? size : thick, rx: Math.min(2, size / 2),
        }));
      };
      if (!(stage.into > 0)) {
        node(0, height, 'empty');
        return;
      }
      const scale = height / stage.into;
      const size = (amount) => (amount > 0 ? Math.max(2, amount * scale) : 0);
      const lost = Math.min(height * 0.9, size(sumOf(stage.why.filter((each) => each.lost).map((each) => each.amount))));
      const kept = Math.min(height - lost, size(sumOf(stage.why.filter((each) => !each.lost).map((each) => each.amount))));
      // What is neither here nor there yet has its place in the stage, but no band.
      const waits = Math.min(height - lost - kept, stage.left * scale);
      const on = Math.max(0, height - lost - kept - waits);
      const next = Math.max(on, room * 0.34);
      if (on > 0) node(0, on, '');
      if (waits > 0) node(on, waits, 'empty');
      if (kept > 0) node(on + waits, kept, 'kept');
      if (lost > 0) node(on + waits + kept, lost, 'lost');
      const begin = at[i] + thick;
      if (i + 1 < this.stages.length && this.stages[i + 1].into > 0 && on > 0) {
        const end = at[i + 1];
        const middle = (begin + end) / 2;
        shapes.push(draw('path', { class: 'band', d:
          `M${point(begin, 0)}C${point(middle, 0)} ${point(middle, 0)} ${point(end, 0)}L${point(end, next)}`
          + `C${point(middle, next)} ${point(middle, on)} ${point(begin, on)}Z` }));
      }
      // The losses turn away first, so that the bands don't cross.
      let turn = begin + 6;
      const deep = wide ? room + 26 : room + 22;
      for (const [kind, from, width] of [['lost', on + waits + kept, lost], ['kept', on + waits, kept]]) {
        if (!width) continue;
        const end = Math.min(width, wide ? 30 : 14);
        shapes.push(draw('path', { class: `band ${kind}`, d:
          `M${point(begin, from)}Q${point(turn + end, from)} ${point(turn + end, deep)}L${point(turn, deep)}`
          + `Q${point(turn, from + width)} ${point(begin, from + width)}Z` }));
        turn += end + 4;
      }
      height = next;
    });
    this.svg.setAttribute('viewBox', `0 0 ${box.width} ${box.height}`);
    this.svg.replaceChildren(...shapes);
  }
}
