// Elements and numbers. Text only ever becomes a text node: much of it comes from configuration and traffic.
'use strict';

const byId = (id) => document.getElementById(id);

function make(kind, attributes, children) {
  const element = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === 'text') element.textContent = value;
    else element.setAttribute(name, value);
  }
  element.append(...(children || []));
  return element;
}

function draw(kind, attributes, children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', kind);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === 'text') element.textContent = value;
    else element.setAttribute(name, value);
  }
  element.append(...(children || []));
  return element;
}

// Touches the document only where something is new, so that selections and screen readers are left in peace.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// One element for each item, kept as long as its key is: `create(item)` gives {element, update}.
class Keyed {
  constructor(parent, create) {
    this.parent = parent;
    this.create = create;
    this.parts = new Map();
  }

  show(items, keyOf) {
    const left = new Map(this.parts);
    let next = this.parent.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      let part = this.parts.get(key);
      if (!part) {
        part = this.create(item);
        this.parts.set(key, part);
      }
      left.delete(key);
      if (part.element === next) next = next.nextElementSibling;
      else this.parent.insertBefore(part.element, next);
      part.update(item);
    }
    for (const [key, part] of left) {
      part.element.remove();
      this.parts.delete(key);
    }
  }
}

const whole = new Intl.NumberFormat('en');

// Three digits that matter: 0.42, 9.7, 312, 4,210, 57.3k, 1.20M.
function short(value) {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 0.01) return value < 0 ? '0' : '<0.01';
  if (size < 10) return value.toFixed(size < 1 ? 2 : 1).replace(/\.0+$/, '');
  if (size < 9999.5) return whole.format(Math.round(value));
  for (const [unit, letter] of [[1e3, 'k'], [1e6, 'M'], [1e9, 'G'], [1e12, 'T']]) {
    if (size < 999.5 * unit || unit === 1e12) return (value / unit).toPrecision(3) + letter;
  }
  return '';
}

function bytes(value) {
  for (const [unit, name] of [[2 ** 40, 'TB'], [2 ** 30, 'GB'], [2 ** 20, 'MB'], [2 ** 10, 'KB']]) {
    if (value >= unit) return `${(value / unit).toPrecision(3)} ${name}`;
  }
  return `${short(value)} B`;
}

// A share that is small but not nothing never reads 0 %, nor one that isn't all 100 %.
function percent(share) {
  if (!Number.isFinite(share)) return '–';
  if (share === 0 || share === 1) return `${share * 100} %`;
  if (share < 0.0001) return '<0.01 %';
  if (share > 0.9999 && share < 1) return '>99.99 %';
  const value = share * 100;
  return `${value < 1 || (value > 99 && value < 100) ? value.toFixed(2) : value.toFixed(value < 9.95 ? 1 : 0)} %`;
}

function seconds(value) {
  if (!Number.isFinite(value)) return '–';
  if (value < 0.001) return `${Math.round(value * 1e6)} µs`;
  if (value < 1) return `${short(value * 1e3)} ms`;
  return `${short(value)} s`;
}

function duration(value) {
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const first = Math.min(parts.findIndex(([unit]) => value >= unit) >>> 0, 3);
  let text = '';
  let rest = value;
  for (const [unit, name] of parts.slice(first, first + 2)) {
    text += `${text ? ' ' : ''}${Math.floor(rest / unit)} ${name}`;
    rest %= unit;
  }
  return text;
}
