// SPDX-License-Identifier: Apache-2.0
// Terraform's functions: the names of all that 1.5 has, and those that the checker can compute.
//
// try, can and templatefile are evaluate.mjs's, since they don't just take values. `this` is {line, scope}.

import { createHash } from 'node:crypto';
import { compareValues, convert, isObject, nameOf, numberText, toBool, toNumber, toText, ValueFault, ValueSet } from './values.mjs';

export const TERRAFORM_FUNCTIONS = new Set(`
    abs abspath alltrue anytrue base64decode base64encode base64gzip base64sha256 base64sha512 basename bcrypt can ceil
    chomp chunklist cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce coalescelist compact concat contains csvdecode
    dirname distinct element endswith file filebase64 filebase64sha256 filebase64sha512 fileexists filemd5 fileset
    filesha1 filesha256 filesha512 flatten floor format formatdate formatlist indent index join jsondecode jsonencode
    keys length log lookup lower matchkeys max md5 merge min nonsensitive one parseint pathexpand plantimestamp pow
    range regex regexall replace reverse rsadecrypt sensitive setintersection setproduct setsubtract setunion sha1
    sha256 sha512 signum slice sort split startswith strcontains strrev substr sum templatefile textdecodebase64
    textencodebase64 timeadd timecmp timestamp title tobool tolist tomap tonumber toset tostring transpose trim
    trimprefix trimspace trimsuffix try type upper urlencode uuid uuidv5 values yamldecode yamlencode zipmap
`.trim().split(/\s+/));

/** These pass unknown elements on; for the others an unknown inside makes the result unknown. */
export const CONTAINERS_OF_UNKNOWNS = new Set([
    'chunklist', 'coalesce', 'coalescelist', 'concat', 'element', 'flatten', 'keys', 'length', 'lookup', 'merge', 'one',
    'reverse', 'slice', 'tolist', 'tomap', 'values', 'zipmap',
]);

function list(value) {
    if (!Array.isArray(value)) throw new ValueFault(`${nameOf(value)} where a list is needed`);
    return [...value];
}

function object(value) {
    if (!isObject(value)) throw new ValueFault(`${nameOf(value)} where a map is needed`);
    return value;
}

/** The elements of a list as Terraform makes them of one type: strings, if any is. */
function unified(values) {
    const primitive = values.every((value) => ['string', 'number', 'boolean'].includes(typeof value));
    return primitive && values.some((value) => typeof value === 'string') ? values.map((value) => toText(value)) : values;
}

function unique(values) {
    return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function pattern(text, flags = '') {
    // RE2's flags stand in front, JavaScript's at the end; the rest of what is used is the same.
    const [, inline, rest] = /^(?:\(\?([is]+)\))?([^]*)$/.exec(toText(text));
    try {
        return new RegExp(rest.replaceAll('(?P<', '(?<'), `u${inline ?? ''}${flags}`);
    } catch {
        throw new ValueFault(`"${text}" is no regular expression`);
    }
}

/** The groups of a match, or all of it if there are none. */
function captured(match) {
    if (match.groups) return { ...match.groups };
    return match.length > 1 ? match.slice(1).map((group) => group ?? null) : match[0];
}

function address(text) {
    if (/^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(text)) {
        return { bits: 32, value: text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
    }
    const halves = text.split('::');
    const groups = halves.map((half) => (half ? half.split(':') : []));
    const missing = 8 - groups.flat().length;
    const all = halves.length === 2 ? [...groups[0], ...Array(Math.max(missing, 0)).fill('0'), ...groups[1]] : groups[0];
    if (halves.length > 2 || all.length !== 8 || !all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) {
        throw new ValueFault(`"${text}" is no IP address`);
    }
    return { bits: 128, value: all.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n) };
}

function prefix(text) {
    const [, ip, length] = /^([^/]+)\/(\d+)$/.exec(toText(text)) ?? [];
    if (!ip) throw new ValueFault(`"${text}" is no prefix`);
    const { bits, value } = address(ip);
    if (Number(length) > bits) throw new ValueFault(`"${text}" is no prefix`);
    const host = BigInt(bits - Number(length));
    return { bits, length: Number(length), first: (value >> host) << host };
}

function addressText(value, bits) {
    if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
    const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 65535n).toString(16));
    const zeros = [...groups.join(':').matchAll(/(?:^|:)(0(?::0)+)(?=:|$)/g)].sort((a, b) => b[1].length - a[1].length)[0];
    if (!zeros) return groups.join(':');
    const before = groups.join(':').slice(0, zeros.index);
    const after = groups.join(':').slice(zeros.index + zeros[0].length + 1);
    return `${before}::${after}`;
}

/** One verb of a format string. */
function verb([whole, flags, width, precision, letter], value, line) {
    let text;
    switch (letter) {
    case 's': text = typeof value === 'object' ? FUNCTIONS.jsonencode(value) : toText(value, line); break;
    case 'v': text = value === null ? 'null' : typeof value === 'object' ? FUNCTIONS.jsonencode(value) : toText(value, line); break;
    case 'd': text = numberText(Math.trunc(toNumber(value, line))); break;
    case 'f': text = toNumber(value, line).toFixed(precision === undefined ? 6 : Number(precision)); break;
    case 'x': case 'X': case 'b': case 'o': {
        text = BigInt(toNumber(value, line)).toString({ x: 16, X: 16, b: 2, o: 8 }[letter]);
        if (letter === 'X') text = text.toUpperCase();
        break;
    }
    case 'q': text = JSON.stringify(toText(value, line)); break;
    case 't': text = String(toBool(value, line)); break;
    default: throw new ValueFault(`the checker doesn't know the verb ${whole}`, line);
    }
    if (!width) return text;
    if (flags.includes('-')) return text.padEnd(width);
    return flags.includes('0') ? text.padStart(width, '0') : text.padStart(width);
}

function formatted(pattern_, values) {
    let next = 0;
    const text = toText(pattern_).replace(/%(?:%|([-+ 0#]*)(\d+)?(?:\.(\d+))?([a-zA-Z]))/g, (...match) => {
        if (match[0] === '%%') return '%';
        if (next >= values.length) throw new ValueFault(`not enough arguments for "${pattern_}"`);
        return verb(match.slice(0, 5), values[next++]);
    });
    if (next < values.length) throw new ValueFault(`too many arguments for "${pattern_}"`);
    return text;
}

/** JSON as Terraform writes it: sorted keys, no spaces, what HTML would read escaped. */
function json(value) {
    if (typeof value === 'number') return numberText(value);
    if (Array.isArray(value)) return `[${[...value].map(json).join(',')}]`;
    if (isObject(value)) {
        const keys = Object.keys(value).sort(compareValues);
        return `{${keys.map((key) => `${json(key)}:${json(value[key])}`).join(',')}}`;
    }
    return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function hash(algorithm, encoding) {
    return (text) => createHash(algorithm).update(toText(text)).digest(encoding);
}

function fileHash(algorithm, encoding) {
    return function (path) { return createHash(algorithm).update(this.scope.readFile(path, this.line)).digest(encoding); };
}

export const FUNCTIONS = {
    __proto__: null,
    abs: (x) => Math.abs(toNumber(x)),
    alltrue: (values) => list(values).every((value) => toBool(value)),
    anytrue: (values) => list(values).some((value) => toBool(value)),
    base64decode: (text) => Buffer.from(toText(text), 'base64').toString(),
    base64encode: (text) => Buffer.from(toText(text)).toString('base64'),
    base64sha256: hash('sha256', 'base64'),
    basename: (path) => toText(path).split('/').at(-1),
    ceil: (x) => Math.ceil(toNumber(x)),
    chomp: (text) => toText(text).replace(/[\r\n]+$/, ''),
    chunklist: (values, size) => Array.from({ length: Math.ceil(list(values).length / size) },
        (_, index) => list(values).slice(index * size, (index + 1) * size)),
    cidrhost: (text, number) => {
        const { bits, length, first } = prefix(text);
        const size = 1n << BigInt(bits - length);
        const offset = BigInt(toNumber(number));
        if (offset >= size || offset < -size) throw new ValueFault(`${text} has no address number ${number}`);
        return addressText(first + (offset < 0n ? size + offset : offset), bits);
    },
    cidrnetmask: (text) => {
        const { bits, length } = prefix(text);
        if (bits !== 32) throw new ValueFault(`"${text}" is no IPv4 prefix`);
        return addressText(((1n << BigInt(length)) - 1n) << BigInt(32 - length), 32);
    },
    cidrsubnet: (text, more, number) => {
        const { bits, length, first } = prefix(text);
        const size = length + toNumber(more);
        if (size > bits || toNumber(number) >= 2 ** more) throw new ValueFault(`${text} has no such subnet`);
        return `${addressText(first + (BigInt(number) << BigInt(bits - size)), bits)}/${size}`;
    },
    coalesce: (...values) => {
        const found = values.find((value) => value !== null && value !== '');
        if (found === undefined) throw new ValueFault('all arguments are null or ""');
        return found;
    },
    coalescelist: (...lists) => {
        const found = lists.find((values) => values !== null && list(values).length > 0);
        if (!found) throw new ValueFault('all arguments are empty');
        return found;
    },
    compact: (values) => list(values).filter((value) => value !== null && value !== ''),
    concat: (...lists) => lists.flatMap(list),
    contains: (values, value) => list(values).some((element) => JSON.stringify(element) === JSON.stringify(value)),
    dirname: (path) => toText(path).replace(/\/?[^/]*$/, '') || '.',
    distinct: (values) => unique(list(values)),
    element: (values, index) => {
        if (list(values).length === 0) throw new ValueFault('the list is empty');
        return values[toNumber(index) % values.length];
    },
    endswith: (text, end) => toText(text).endsWith(toText(end)),
    file(path) { return this.scope.readFile(path, this.line).toString(); },
    filebase64(path) { return this.scope.readFile(path, this.line).toString('base64'); },
    filebase64sha256: fileHash('sha256', 'base64'),
    filemd5: fileHash('md5', 'hex'),
    filesha256: fileHash('sha256', 'hex'),
    flatten: (values) => {
        const flat = (value) => (Array.isArray(value) ? [...value].flatMap(flat) : [value]);
        return list(values).flatMap(flat);
    },
    floor: (x) => Math.floor(toNumber(x)),
    format: (text, ...values) => formatted(text, values),
    formatlist: (text, ...values) => {
        const length = Math.max(1, ...values.filter(Array.isArray).map((value) => value.length));
        if (values.some((value) => Array.isArray(value) && value.length !== length)) {
            if (values.some((value) => Array.isArray(value) && value.length === 0)) return [];
            throw new ValueFault('lists of different lengths');
        }
        return Array.from({ length }, (_, index) => (
            formatted(text, values.map((value) => (Array.isArray(value) ? value[index] : value)))));
    },
    indent: (spaces, text) => toText(text).replace(/\n/g, `\n${' '.repeat(toNumber(spaces))}`),
    index: (values, value) => {
        const found = list(values).indexOf(value);
        if (found < 0) throw new ValueFault('the list has no such element');
        return found;
    },
    join: (separator, ...lists) => lists.flatMap(list).map((value) => toText(value)).join(toText(separator)),
    jsondecode: (text) => {
        try {
            return JSON.parse(toText(text));
        } catch (error) {
            if (error instanceof ValueFault) throw error;
            throw new ValueFault(`no JSON: ${error.message}`);
        }
    },
    jsonencode: json,
    keys: (map) => Object.keys(object(map)).sort(compareValues),
    length: (value) => {
        if (typeof value === 'string') return [...value].length;
        if (Array.isArray(value)) return value.length;
        return Object.keys(object(value)).length;
    },
    log: (x, base) => Math.log(toNumber(x)) / Math.log(toNumber(base)),
    lookup: (map, key, fallback) => {
        if (Object.hasOwn(object(map), toText(key))) return map[key];
        if (fallback === undefined) throw new ValueFault(`the map has no '${key}'`);
        return fallback;
    },
    lower: (text) => toText(text).toLowerCase(),
    max: (...values) => Math.max(...values.map((value) => toNumber(value))),
    md5: hash('md5', 'hex'),
    merge: (...maps) => {
        const all = maps.filter((map) => map !== null).map(object);
        const merged = Object.assign({}, ...all);
        return Object.fromEntries(Object.keys(merged).sort(compareValues).map((key) => [key, merged[key]]));
    },
    min: (...values) => Math.min(...values.map((value) => toNumber(value))),
    nonsensitive: (value) => value,
    one: (values) => {
        if (list(values).length > 1) throw new ValueFault('more than one element');
        return values.length ? [...values][0] : null;
    },
    parseint: (text, base) => {
        const number = parseInt(toText(text), toNumber(base));
        if (Number.isNaN(number)) throw new ValueFault(`"${text}" is no number`);
        return number;
    },
    pow: (x, y) => toNumber(x) ** toNumber(y),
    range: (...numbers) => {
        const [start, end] = numbers.length === 1 ? [0, numbers[0]] : numbers;
        const step = numbers[2] ?? (end < start ? -1 : 1);
        const values = [];
        for (let at = start; step > 0 ? at < end : at > end; at += step) values.push(at);
        return values;
    },
    regex: (expression, text) => {
        const match = pattern(expression).exec(toText(text));
        if (!match) throw new ValueFault(`"${text}" doesn't match "${expression}"`);
        return captured(match);
    },
    regexall: (expression, text) => [...toText(text).matchAll(pattern(expression, 'g'))].map(captured),
    replace: (text, what, by) => {
        const [, expression] = /^\/([^]*)\/$/.exec(toText(what)) ?? [];
        if (expression === undefined) return toText(text).replaceAll(what, () => toText(by));
        return toText(text).replace(pattern(expression, 'g'), toText(by).replace(/\$\{(\w+)\}/g, '$$$1'));
    },
    reverse: (values) => list(values).reverse(),
    sensitive: (value) => value,
    setintersection: (first, ...rest) => ValueSet.of(list(first).filter((value) => rest.every((set) => list(set).includes(value)))),
    setproduct: (...sets) => sets.map(list).reduce((products, set) => (
        products.flatMap((product) => set.map((value) => [...product, value]))), [[]]),
    setsubtract: (from, what) => ValueSet.of(list(from).filter((value) => !list(what).includes(value))),
    setunion: (...sets) => ValueSet.of(sets.flatMap(list)),
    sha1: hash('sha1', 'hex'),
    sha256: hash('sha256', 'hex'),
    signum: (x) => Math.sign(toNumber(x)),
    slice: (values, start, end) => {
        if (start < 0 || end > list(values).length || start > end) throw new ValueFault(`no elements ${start} to ${end}`);
        return list(values).slice(start, end);
    },
    sort: (values) => list(values).map((value) => toText(value)).sort(compareValues),
    split: (separator, text) => toText(text).split(toText(separator)),
    startswith: (text, start) => toText(text).startsWith(toText(start)),
    strcontains: (text, part) => toText(text).includes(toText(part)),
    substr: (text, offset, length) => {
        const all = [...toText(text)];
        const start = offset < 0 ? Math.max(all.length + offset, 0) : offset;
        return all.slice(start, length < 0 ? undefined : start + length).join('');
    },
    sum: (values) => list(values).reduce((sum, value) => sum + toNumber(value), 0),
    title: (text) => toText(text).replace(/(^|[^\p{L}\p{N}_'])(\p{L})/gu, (_, before, letter) => before + letter.toUpperCase()),
    tobool: (value) => convert(value, { kind: 'bool' }, 'the value'),
    tolist: (value) => unified(list(value)),
    tomap: (value) => object(value),
    tonumber: (value) => convert(value, { kind: 'number' }, 'the value'),
    toset: (values) => ValueSet.of(unified(list(values))),
    tostring: (value) => convert(value, { kind: 'string' }, 'the value'),
    trim: (text, characters) => {
        const all = [...toText(text)];
        while (all.length && characters.includes(all[0])) all.shift();
        while (all.length && characters.includes(all.at(-1))) all.pop();
        return all.join('');
    },
    trimprefix: (text, start) => (toText(text).startsWith(start) ? text.slice(start.length) : text),
    trimspace: (text) => toText(text).trim(),
    trimsuffix: (text, end) => (end && toText(text).endsWith(end) ? text.slice(0, -end.length) : text),
    upper: (text) => toText(text).toUpperCase(),
    urlencode: (text) => encodeURIComponent(toText(text)).replace(/%20/g, '+').replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
    values: (map) => Object.keys(object(map)).sort(compareValues).map((key) => map[key]),
    zipmap: (keys, values) => {
        if (list(keys).length !== list(values).length) throw new ValueFault('as many values as keys are needed');
        return Object.fromEntries(keys.map((key, index) => [toText(key), values[index]]));
    },
};
