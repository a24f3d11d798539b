// SPDX-License-Identifier: Apache-2.0
// Resources and data sources against the provider's schema: names, what is required, rough types, meta-arguments.

import fs from 'node:fs';
import { constantText } from '../hcl/walk.mjs';

const FOLDER = new URL('../schema/', import.meta.url);
const cache = new Map();

/** The schema of a resource's or data source's type, null if there is none. */
export function schemaOf(isData, type) {
    const file = new URL(`${isData ? 'data' : 'resource'}/${type}.json`, FOLDER);
    if (!cache.has(file.href)) cache.set(file.href, fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : null);
    return cache.get(file.href);
}

const META_ARGUMENTS = ['count', 'depends_on', 'for_each', 'provider'];
const LIFECYCLE = {
    arguments: ['create_before_destroy', 'ignore_changes', 'prevent_destroy', 'replace_triggered_by'],
    blocks: ['postcondition', 'precondition'],
};
const CONDITION = ['condition', 'error_message'];

export function checkResources(module) {
    for (const resource of module.resources.values()) {
        const schema = schemaOf(resource.isData, resource.type);
        if (!schema) {
            const name = `${resource.isData ? 'data.' : ''}${resource.type}`;
            module.report.add(resource.file, resource.line, `the schema has no ${resource.isData ? 'data source' : 'resource'} '${resource.type}'; `
                + `if the provider has it, add it: tests/terraform/make_schema.mjs PACKAGE ${name}`);
            continue;
        }
        if (resource.body.attributes.has('count') && resource.body.attributes.has('for_each')) {
            module.report.add(resource.file, resource.line, `'${resource.address}' has both count and for_each`);
        }
        checkBody(module, resource.file, resource.block, schema, resource.address, true);
    }
}

function checkBody(module, file, block, schema, where, isTop) {
    const { body } = block;
    const known = schema.arguments ?? {};
    for (const attribute of body.attributes.values()) {
        if (isTop && META_ARGUMENTS.includes(attribute.name)) continue;
        if (known[attribute.name]) {
            checkConstant(module, file, attribute, known[attribute.name], where);
        } else if (schema.blocks?.[attribute.name]) {
            if (!schema.blocks[attribute.name].orAttribute) {
                module.report.add(file, attribute.line, `'${attribute.name}' of '${where}' is a block, so it is written without '='`);
            }
        } else {
            const why = schema.attributes?.[attribute.name] ? 'can only be read' : `is no argument${closest(attribute.name, known)}`;
            module.report.add(file, attribute.line, `'${attribute.name}' of '${where}' ${why}`);
        }
    }
    for (const [name, type] of Object.entries(known)) {
        if (type.endsWith(' required') && !body.attributes.has(name)) {
            module.report.add(file, block.line, `'${where}' lacks the required argument '${name}'`);
        }
    }
    checkBlocks(module, file, block, schema, where, isTop);
}

function checkBlocks(module, file, block, schema, where, isTop) {
    const counts = new Map();
    for (let inner of block.body.blocks) {
        if (isTop && checkMetaBlock(module, file, inner, where)) continue;
        let name = inner.type;
        const isDynamic = name === 'dynamic';
        if (isDynamic) {
            name = inner.labels[0];
            inner = contentOf(module, file, inner, where);
            if (!inner) continue;
        } else if (inner.labels.length) {
            module.report.add(file, inner.line, `the block '${name}' of '${where}' has no labels`);
        }
        const innerSchema = schema.blocks?.[name];
        if (!innerSchema) {
            const why = schema.arguments?.[name] ? 'is an argument, so it is written with \'=\'' : `is no block${closest(name, schema.blocks ?? {})}`;
            module.report.add(file, inner.line, `'${name}' of '${where}' ${why}`);
            continue;
        }
        counts.set(name, (counts.get(name) ?? 0) + 1);
        if (innerSchema.max === 1 && counts.get(name) === 2) {
            module.report.add(file, inner.line, `'${where}' has more than one block '${name}'`);
        }
        checkBody(module, file, inner, innerSchema, `${where}.${name}`, false);
    }
    for (const [name, inner] of Object.entries(schema.blocks ?? {})) {
        if (inner.required && !counts.has(name) && !block.body.attributes.has(name)) {
            module.report.add(file, block.line, `'${where}' lacks the required block '${name}'`);
        }
    }
}

/** The content block of a dynamic one. */
function contentOf(module, file, dynamic, where) {
    const { attributes, blocks } = dynamic.body;
    if (!attributes.has('for_each')) module.report.add(file, dynamic.line, `the dynamic block '${dynamic.labels[0]}' of '${where}' lacks for_each`);
    for (const attribute of attributes.values()) {
        if (!['for_each', 'iterator', 'labels'].includes(attribute.name)) {
            module.report.add(file, attribute.line, `'${attribute.name}' is no argument of a dynamic block`);
        }
    }
    if (blocks.length !== 1 || blocks[0].type !== 'content') {
        module.report.add(file, dynamic.line, `the dynamic block '${dynamic.labels[0]}' of '${where}' needs one block 'content', and no other`);
        return null;
    }
    return blocks[0];
}

function checkMetaBlock(module, file, block, where) {
    if (['connection', 'provisioner'].includes(block.type)) return true;
    if (block.type !== 'lifecycle') return false;
    for (const attribute of block.body.attributes.values()) {
        if (!LIFECYCLE.arguments.includes(attribute.name)) {
            module.report.add(file, attribute.line, `'${attribute.name}' of the lifecycle of '${where}' is no argument`);
        }
    }
    for (const condition of block.body.blocks) {
        if (!LIFECYCLE.blocks.includes(condition.type)) {
            module.report.add(file, condition.line, `'${condition.type}' of the lifecycle of '${where}' is no block`);
            continue;
        }
        checkCondition(module, file, condition, where);
    }
    return true;
}

/** A validation, precondition or postcondition: two arguments, both needed. */
export function checkCondition(module, file, block, where) {
    for (const name of CONDITION) {
        if (!block.body.attributes.has(name)) module.report.add(file, block.line, `the ${block.type} of '${where}' lacks '${name}'`);
    }
    for (const attribute of block.body.attributes.values()) {
        if (!CONDITION.includes(attribute.name)) {
            module.report.add(file, attribute.line, `'${attribute.name}' is no argument of a ${block.type}`);
        }
    }
}

/** "; is 'name' meant?" for what is one or two letters away. */
export function closest(name, known) {
    const best = Object.keys(known).map((other) => [distance(name, other), other]).sort(([a], [b]) => a - b)[0];
    return best && best[0] <= 2 ? `; is '${best[1]}' meant?` : '';
}

function distance(a, b) {
    let row = Array.from({ length: b.length + 1 }, (_, index) => index);
    for (let i = 1; i <= a.length; i++) {
        const next = [i];
        for (let j = 1; j <= b.length; j++) {
            next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
        }
        row = next;
    }
    return row[b.length];
}

/** What kind of value an expression gives for certain: string, number, bool, list, map; else undefined. */
export function certainKind(node, module) {
    switch (node.kind) {
    case 'literal': return { string: 'string', number: 'number', boolean: 'bool' }[typeof node.value];
    case 'template':
        if (node.parts.length === 1 && node.parts[0].kind === 'interpolation' && !node.heredoc) return certainKind(node.parts[0].of, module);
        return 'string';
    case 'tuple': return 'list';
    case 'object': return 'map';
    case 'for': return node.isObject ? 'map' : 'list';
    case 'splat': return 'list';
    case 'parentheses': return certainKind(node.of, module);
    case 'conditional': {
        const [yes, no] = [certainKind(node.yes, module), certainKind(node.no, module)];
        return yes === no ? yes : undefined;
    }
    case 'attribute':
        if (node.of.kind === 'variable' && node.of.name === 'var') return module.variables.get(node.name)?.certainKind;
        return undefined;
    default: return undefined;
    }
}

function checkConstant(module, file, { name, line, value }, type, where) {
    const wanted = type.replace(' required', '');
    const fault = unfit(value, wanted, module);
    if (fault) module.report.add(file, line, `'${name}' of '${where}' has to be ${article(wanted)}, it is ${fault}`);
}

function article(type) {
    return /^(any|bool|list|map|number|set|string)/.test(type) ? `a ${type}` : type;
}

/** What the value is instead of what is wanted; undefined if it fits or can't be told. */
export function unfit(node, wanted, module) {
    const kind = certainKind(node, module);
    if (!kind || wanted === 'any') return undefined;
    const text = constantText(node);
    const isList = /^(list|set|tuple)/.test(wanted);
    if (wanted === 'string') return kind === 'list' || kind === 'map' ? `a ${kind}` : undefined;
    if (wanted === 'number') {
        if (kind === 'number') return undefined;
        if (kind === 'string' && (text === undefined || /^-?\d+(\.\d+)?$/.test(text))) return undefined;
        return kind === 'string' ? `the string "${text}"` : `a ${kind}`;
    }
    if (wanted === 'bool') {
        if (kind === 'bool') return undefined;
        if (kind === 'string' && (text === undefined || text === 'true' || text === 'false')) return undefined;
        return kind === 'string' ? `the string "${text}"` : `a ${kind}`;
    }
    if (isList) return kind === 'list' ? undefined : `a ${kind}`;
    return kind === 'map' ? undefined : `a ${kind}`;
}
