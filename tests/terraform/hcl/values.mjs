// SPDX-License-Identifier: Apache-2.0
// Terraform's values as JavaScript's, and its types.
//
// string, number, bool, null, lists and tuples as arrays, sets as ValueSet, maps and objects as plain objects; UNKNOWN is
// what is known only after AWS was asked. A type is {kind, of?, attributes?, elements?}.

import { constantText } from './walk.mjs';

export const UNKNOWN = Symbol('unknown');

export class ValueFault extends Error {
    constructor(message, line) {
        super(message);
        this.line = line;
    }
}

/** A set: each value once, in order. */
export class ValueSet extends Array {
    static of(values) {
        const set = new ValueSet();
        const known = new Set();
        for (const value of [...values].sort(compareValues)) {
            const key = value === UNKNOWN ? value : JSON.stringify(value);
            if (!known.has(key)) set.push(value);
            known.add(key);
        }
        return set;
    }
}

/** By bytes of UTF-8, as Terraform sorts keys and sets. */
export function compareValues(a, b) {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}

export function isObject(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function holdsUnknown(value) {
    if (value === UNKNOWN) return true;
    if (Array.isArray(value)) return value.some(holdsUnknown);
    return isObject(value) && Object.values(value).some(holdsUnknown);
}

export function nameOf(value) {
    if (value === null) return 'null';
    if (value === UNKNOWN) return 'an unknown value';
    if (value instanceof ValueSet) return 'a set';
    if (Array.isArray(value)) return 'a list';
    return { string: 'a string', number: 'a number', boolean: 'a bool', object: 'an object' }[typeof value];
}

/** As decimals without exponent. */
export function numberText(value) {
    if (Number.isInteger(value)) return BigInt(value).toString();
    const text = String(value);
    return text.includes('e') ? value.toFixed(20).replace(/0+$/, '') : text;
}

export function toText(value, line) {
    if (typeof value === 'string') return value;
    if (typeof value === 'boolean') return String(value);
    if (typeof value === 'number') return numberText(value);
    throw new ValueFault(`${nameOf(value)} where a string is needed`, line);
}

export function toNumber(value, line) {
    if (typeof value === 'number') return value;
    if (typeof value === 'string' && /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value)) return Number(value);
    throw new ValueFault(`${typeof value === 'string' ? `"${value}"` : nameOf(value)} where a number is needed`, line);
}

export function toBool(value, line) {
    if (typeof value === 'boolean') return value;
    if (value === 'true' || value === 'false') return value === 'true';
    throw new ValueFault(`${typeof value === 'string' ? `"${value}"` : nameOf(value)} where a bool is needed`, line);
}

const ANY = { kind: 'any' };

/** The type that a variable's `type` names. Throws ValueFault. `evaluate` gives the value of an optional attribute's default. */
export function typeOf(node, evaluate) {
    if (node.kind === 'variable') {
        if (['string', 'number', 'bool', 'any'].includes(node.name)) return { kind: node.name };
        if (['list', 'map', 'set'].includes(node.name)) return { kind: node.name, of: ANY };
    }
    if (node.kind === 'call' && ['list', 'map', 'set'].includes(node.name) && node.arguments.length === 1) {
        return { kind: node.name, of: typeOf(node.arguments[0], evaluate) };
    }
    if (node.kind === 'call' && node.name === 'tuple' && node.arguments[0]?.kind === 'tuple') {
        return { kind: 'tuple', elements: node.arguments[0].elements.map((element) => typeOf(element, evaluate)) };
    }
    if (node.kind === 'call' && node.name === 'object' && node.arguments[0]?.kind === 'object') {
        const attributes = {};
        for (const { key, value } of node.arguments[0].items) {
            const optional = value.kind === 'call' && value.name === 'optional';
            attributes[constantText(key)] = {
                optional,
                type: typeOf(optional ? value.arguments[0] : value, evaluate),
                fallback: optional && value.arguments[1] ? evaluate(value.arguments[1]) : null,
            };
        }
        return { kind: 'object', attributes };
    }
    throw new ValueFault(`'${node.name ?? node.kind}' is no type`, node.line);
}

/** The value as one of the type, as Terraform converts it. Throws ValueFault. `where` names the value in the message. */
export function convert(value, type, where) {
    if (value === UNKNOWN || value === null || type.kind === 'any') return value;
    const wrong = (expected) => new ValueFault(`${where} has to be ${expected}, it is ${nameOf(value)}`);
    switch (type.kind) {
    case 'string':
        if (typeof value === 'object') throw wrong('a string');
        return toText(value);
    case 'number':
        if (typeof value === 'boolean' || typeof value === 'object') throw wrong('a number');
        return toNumber(value);
    case 'bool':
        if (typeof value === 'number' || typeof value === 'object') throw wrong('a bool');
        return toBool(value);
    case 'list': case 'set': {
        if (!Array.isArray(value)) throw wrong(`a ${type.kind}`);
        const elements = [...value].map((element, index) => convert(element, type.of, `${where}[${index}]`));
        return type.kind === 'set' ? ValueSet.of(elements) : elements;
    }
    case 'tuple':
        if (!Array.isArray(value) || value.length !== type.elements.length) throw wrong(`a tuple of ${type.elements.length}`);
        return value.map((element, index) => convert(element, type.elements[index], `${where}[${index}]`));
    case 'map':
        if (!isObject(value)) throw wrong('a map');
        return Object.fromEntries(Object.entries(value).map(([key, element]) => (
            [key, convert(element, type.of, `${where}["${key}"]`)])));
    default:
        if (!isObject(value)) throw wrong('an object');
        return Object.fromEntries(Object.entries(type.attributes).map(([name, attribute]) => {
            if (!(name in value) && !attribute.optional) throw new ValueFault(`${where} lacks the attribute '${name}'`);
            return [name, convert(value[name] ?? attribute.fallback, attribute.type, `${where}.${name}`)];
        }));
    }
}
