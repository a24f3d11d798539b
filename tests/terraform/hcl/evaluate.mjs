// SPDX-License-Identifier: Apache-2.0
// The value of an expression, as Terraform computes it; what depends on an unknown value is unknown.
//
// A scope is {get(name, line), readFile(path, line)}. What get() gives may be a Lazy, of which only attributes and elements
// are ever taken.

import { CONTAINERS_OF_UNKNOWNS, FUNCTIONS, TERRAFORM_FUNCTIONS } from './functions.mjs';
import { SyntaxFault } from './lexer.mjs';
import { parseTemplate } from './parser.mjs';
import { compareValues, holdsUnknown, isObject, nameOf, toBool, toNumber, toText, UNKNOWN, ValueFault, ValueSet } from './values.mjs';

/** A namespace whose members are computed when asked for: var, local, data ... */
export class Lazy {
    constructor(name, get) {
        this.name = name;
        this.get = get;
    }
}

class NestedScope {
    constructor(outer, names) {
        this.outer = outer;
        this.names = names;
    }

    get(name, line) {
        return Object.hasOwn(this.names, name) ? this.names[name] : this.outer.get(name, line);
    }

    readFile(path, line) {
        return this.outer.readFile(path, line);
    }
}

export function nest(scope, names) {
    return new NestedScope(scope, names);
}

/** The value of a node; throws ValueFault with the line of what can't be computed. */
export function evaluate(node, scope) {
    try {
        const value = EVALUATE[node.kind](node, scope);
        if (value instanceof Lazy) throw new ValueFault(`'${value.name}' by itself is no value`, node.line);
        return value;
    } catch (fault) {
        if (fault instanceof ValueFault) fault.line ??= node.line;
        throw fault;
    }
}

function evaluateSource(node, scope) {
    return EVALUATE[node.kind](node, scope);
}

const EVALUATE = {
    'literal': (node) => node.value,
    'text': (node) => node.value,
    'variable': (node, scope) => scope.get(node.name, node.line),
    'each of splat': (node, scope) => scope.get('each of splat', node.line),
    'parentheses': (node, scope) => evaluate(node.of, scope),
    'interpolation': (node, scope) => evaluate(node.of, scope),
    'template': template,
    'if directive': (node, scope) => {
        const condition = evaluate(node.condition, scope);
        return condition === UNKNOWN ? UNKNOWN : joined(toBool(condition, node.line) ? node.yes : node.no, scope);
    },
    'for directive': (node, scope) => {
        const source = evaluate(node.of, scope);
        if (source === UNKNOWN) return UNKNOWN;
        const pieces = entriesOf(source, node).map(([key, value]) => joined(node.body, nest(scope, namesOf(node, key, value))));
        return pieces.includes(UNKNOWN) ? UNKNOWN : pieces.join('');
    },
    'tuple': (node, scope) => node.elements.map((element) => evaluate(element, scope)),
    'object': (node, scope) => {
        const result = {};
        for (const { key, value } of node.items) {
            const name = evaluate(key, scope);
            if (name === UNKNOWN) return UNKNOWN;
            result[toText(name, key.line)] = evaluate(value, scope);
        }
        return sorted(result);
    },
    'attribute': (node, scope) => member(evaluateSource(node.of, scope), node.name, node.line),
    'index': (node, scope) => {
        const source = evaluateSource(node.of, scope);
        return member(source, evaluate(node.key, scope), node.line);
    },
    'splat': (node, scope) => {
        const source = evaluate(node.of, scope);
        if (source === UNKNOWN) return UNKNOWN;
        const elements = source === null ? [] : Array.isArray(source) ? [...source] : [source];
        return elements.map((element) => evaluate(node.each, nest(scope, { 'each of splat': element })));
    },
    'conditional': (node, scope) => {
        const condition = evaluate(node.condition, scope);
        if (condition === UNKNOWN) return UNKNOWN;
        if (condition === null) throw new ValueFault('null where a bool is needed', node.condition.line);
        return evaluate(toBool(condition, node.line) ? node.yes : node.no, scope);
    },
    'unary': (node, scope) => {
        const value = evaluate(node.of, scope);
        if (value === UNKNOWN) return UNKNOWN;
        return node.operator === '-' ? -toNumber(value, node.line) : !toBool(value, node.line);
    },
    'binary': binary,
    'for': forExpression,
    'call': call,
};

function joined(parts, scope) {
    const pieces = parts.map((part) => {
        const value = evaluate(part, scope);
        return value === UNKNOWN ? UNKNOWN : toText(value, part.line);
    });
    return pieces.includes(UNKNOWN) ? UNKNOWN : pieces.join('');
}

/** "${x}" alone is x itself, whatever its type. */
function template(node, scope) {
    if (node.parts.length === 1 && node.parts[0].kind === 'interpolation' && !node.heredoc) return evaluate(node.parts[0].of, scope);
    return joined(node.parts, scope);
}

export function sorted(object) {
    return Object.fromEntries(Object.entries(object).sort(([a], [b]) => compareValues(a, b)));
}

function entriesOf(source, node) {
    if (source instanceof ValueSet) return [...source].map((value) => [value, value]);
    if (Array.isArray(source)) return source.map((value, index) => [index, value]);
    if (isObject(source)) return Object.entries(sorted(source));
    throw new ValueFault(`'for' can't go through ${nameOf(source)}`, node.line);
}

function namesOf(node, key, value) {
    return node.keyName ? { [node.keyName]: key, [node.valueName]: value } : { [node.valueName]: value };
}

function member(source, key, line) {
    if (source instanceof Lazy) {
        if (key === UNKNOWN) return UNKNOWN;
        return source.get(String(key), line);
    }
    if (source === UNKNOWN || key === UNKNOWN) return UNKNOWN;
    if (source instanceof ValueSet) throw new ValueFault('a set has no elements to take by an index', line);
    if (Array.isArray(source)) {
        const index = toNumber(key, line);
        if (!Number.isInteger(index) || index < 0 || index >= source.length) {
            throw new ValueFault(`there is no element ${key} in a list of ${source.length}`, line);
        }
        return source[index];
    }
    if (isObject(source)) {
        if (Object.hasOwn(source, toText(key, line))) return source[key];
        throw new ValueFault(`there is no '${key}' in an object with ${Object.keys(source).join(', ') || 'nothing'}`, line);
    }
    throw new ValueFault(`${nameOf(source)} has no '${String(key)}'`, line);
}

const ARITHMETIC = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    '%': (a, b) => a % b,
    '<': (a, b) => a < b,
    '>': (a, b) => a > b,
    '<=': (a, b) => a <= b,
    '>=': (a, b) => a >= b,
};

function isEqual(a, b) {
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
    return JSON.stringify(isObject(a) ? sorted(a) : a) === JSON.stringify(isObject(b) ? sorted(b) : b);
}

function binary(node, scope) {
    const left = evaluate(node.left, scope);
    // Terraform 1.5 computes both sides; so a guard must not rely on the order.
    const right = evaluate(node.right, scope);
    if (node.operator === '&&' || node.operator === '||') {
        const decisive = node.operator === '||';
        if (left === decisive || right === decisive) return decisive;
        if (left === UNKNOWN || right === UNKNOWN) return UNKNOWN;
        const values = [toBool(left, node.line), toBool(right, node.line)];
        return decisive ? values.includes(true) : !values.includes(false);
    }
    if (holdsUnknown(left) || holdsUnknown(right)) return UNKNOWN;
    if (node.operator === '==') return isEqual(left, right);
    if (node.operator === '!=') return !isEqual(left, right);
    const result = ARITHMETIC[node.operator](toNumber(left, node.line), toNumber(right, node.line));
    if (typeof result === 'number' && !Number.isFinite(result)) throw new ValueFault('a division by zero', node.line);
    return result;
}

function forExpression(node, scope) {
    const source = evaluate(node.of, scope);
    if (source === UNKNOWN) return UNKNOWN;
    const values = [];
    const object = {};
    for (const [key, value] of entriesOf(source, node)) {
        const inner = nest(scope, namesOf(node, key, value));
        if (node.condition) {
            const condition = evaluate(node.condition, inner);
            if (condition === UNKNOWN) return UNKNOWN;
            if (!toBool(condition, node.line)) continue;
        }
        const result = evaluate(node.value, inner);
        if (!node.isObject) {
            values.push(result);
            continue;
        }
        const name = evaluate(node.key, inner);
        if (name === UNKNOWN) return UNKNOWN;
        const text = toText(name, node.line);
        if (node.grouped) (object[text] ??= []).push(result);
        else if (Object.hasOwn(object, text)) throw new ValueFault(`the key "${text}" comes twice in one 'for' object`, node.line);
        else object[text] = result;
    }
    return node.isObject ? sorted(object) : values;
}

function call(node, scope) {
    const { name } = node;
    if (name === 'try' || name === 'can') return attempt(node, scope);
    if (name === 'templatefile') return templateFile(node, scope);
    const run = FUNCTIONS[name];
    if (!run) {
        throw new ValueFault(TERRAFORM_FUNCTIONS.has(name)
            ? `the checker doesn't know how to compute '${name}', see tests/terraform/hcl/functions.mjs`
            : `there is no function '${name}'`, node.line);
    }
    let values = node.arguments.map((argument) => evaluate(argument, scope));
    if (node.expanded) {
        const last = values.pop();
        if (last === UNKNOWN) return UNKNOWN;
        if (!Array.isArray(last)) throw new ValueFault(`${nameOf(last)} can't be expanded with '...'`, node.line);
        values = [...values, ...last];
    }
    if (values.includes(UNKNOWN)) return UNKNOWN;
    if (!CONTAINERS_OF_UNKNOWNS.has(name) && values.some(holdsUnknown)) return UNKNOWN;
    try {
        return run.call({ line: node.line, scope }, ...values);
    } catch (fault) {
        if (fault instanceof ValueFault) fault.message = `${name}(): ${fault.message}`;
        throw fault;
    }
}

/** What a template file makes of these variables. Also for the checks of templates. */
export function render(template, values, name, line) {
    return evaluate(template, {
        get(variable, at) {
            if (Object.hasOwn(values, variable)) return values[variable];
            throw new ValueFault(`the template ${name}:${at} uses '${variable}', which isn't passed to it`, line);
        },
        readFile(path) {
            throw new ValueFault(`the template ${name} reads the file ${path}`, line);
        },
    });
}

function templateFile(node, scope) {
    const [path, values] = node.arguments.map((argument) => evaluate(argument, scope));
    if (path === UNKNOWN || values === UNKNOWN) return UNKNOWN;
    if (!isObject(values)) throw new ValueFault('templatefile(): its second argument has to be an object', node.line);
    const text = scope.readFile(path, node.line).toString();
    try {
        return render(parseTemplate(text), values, path, node.line);
    } catch (fault) {
        if (fault instanceof SyntaxFault) throw new ValueFault(`the template ${path}:${fault.line}: ${fault.message}`, node.line);
        if (fault instanceof ValueFault && !fault.message.startsWith('the template ')) {
            throw new ValueFault(`the template ${path}:${fault.line}: ${fault.message}`, node.line);
        }
        throw fault;
    }
}

function attempt(node, scope) {
    for (const argument of node.arguments) {
        try {
            const value = evaluate(argument, scope);
            if (node.name === 'try') return value;
            return value === UNKNOWN ? UNKNOWN : true;
        } catch (fault) {
            if (!(fault instanceof ValueFault)) throw fault;
        }
    }
    if (node.name === 'can') return false;
    throw new ValueFault('try(): no argument can be computed', node.line);
}
