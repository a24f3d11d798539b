// SPDX-License-Identifier: Apache-2.0
// Every name in every expression: that it is declared, may stand where it stands, and has the attribute that is taken of it.

import { TERRAFORM_FUNCTIONS } from '../hcl/functions.mjs';
import { constantText, eachAttribute, referenceOf, walk } from '../hcl/walk.mjs';
import { closest, schemaOf } from './schema.mjs';

const OBJECTS = {
    path: ['cwd', 'module', 'root'],
    terraform: ['workspace'],
};

export function checkReferences(module) {
    const used = { variables: new Set(), locals: new Set() };
    for (const { name: file, body } of module.files) {
        for (const block of body.blocks) {
            if (block.type === 'terraform') continue;
            eachAttribute(block.body, (attribute, around) => {
                checkExpression({ module, file, used, block, around, attribute });
            });
        }
    }
    checkUnused(module, used);
    checkCycles(module);
}

/** Attributes that aren't expressions over values. */
function isSpecial({ block, around, attribute }) {
    const inner = around.at(-1);
    if (block.type === 'variable' && attribute.name === 'type') return true;
    if (inner?.type === 'lifecycle') return attribute.name === 'ignore_changes';
    return !inner && ['resource', 'data', 'module'].includes(block.type) && ['provider', 'providers'].includes(attribute.name);
}

function iteratorsOf({ around, attribute }) {
    return around.filter((block, index) => block.type === 'dynamic' && !(block === around.at(-1) && attribute.name === 'for_each'
        && index === around.length - 1)).map((block) => constantIterator(block));
}

function constantIterator(block) {
    const iterator = block.body.attributes.get('iterator')?.value;
    return iterator?.kind === 'variable' ? iterator.name : block.labels[0];
}

function checkExpression(context) {
    const { module, file, attribute, around } = context;
    if (isSpecial(context)) return;
    if (around.at(-1)?.type === 'dynamic' && attribute.name === 'iterator') return;
    const iterators = iteratorsOf(context);
    walk(attribute.value, (node, names) => {
        if (node.kind === 'template' && node.parts.length === 1 && node.parts[0].kind === 'interpolation' && !node.heredoc) {
            module.report.add(file, node.line, `"\${...}" around nothing but an expression of '${attribute.name}'; write the expression alone`);
        }
        if (node.kind === 'call' && !TERRAFORM_FUNCTIONS.has(node.name)) {
            const known = Object.fromEntries([...TERRAFORM_FUNCTIONS].map((name) => [name, 1]));
            module.report.add(file, node.line, `there is no function '${node.name}'${closest(node.name, known)}`);
        }
        const reference = referenceOf(node);
        if (!reference) return undefined;
        if (!names.has(reference.root) && !iterators.includes(reference.root)) checkReference(context, reference);
        // The expressions inside of its brackets are looked at, the reference's own parts aren't again.
        visitKeys(node, names, (key, inner) => walkAgain(context, key, inner, iterators));
        return 'stop';
    });
}

function visitKeys(node, names, visit) {
    for (let at = node; at && at.kind !== 'variable' && at.kind !== 'each of splat'; at = at.of) {
        if (at.kind === 'index') visit(at.key, names);
        if (at.kind === 'splat') visitKeys(at.each, names, visit);
    }
}

function walkAgain(context, node, names, iterators) {
    walk(node, (inner, known) => {
        const reference = referenceOf(inner);
        if (!reference) return undefined;
        if (!known.has(reference.root) && !iterators.includes(reference.root)) checkReference(context, reference);
        visitKeys(inner, known, (key, deeper) => walkAgain(context, key, deeper, iterators));
        return 'stop';
    }, names);
}

function checkReference(context, reference) {
    const { module, file, used, block, around } = context;
    const { root, line, steps } = reference;
    const name = steps[0]?.name;
    const fault = (message) => module.report.add(file, line, message);
    const inValidation = block.type === 'variable';
    if (inValidation && !(root === 'var' && name === block.labels[0])) {
        fault(`the validation of '${block.labels[0]}' can refer to nothing but var.${block.labels[0]}, not to '${root}${name ? `.${name}` : ''}'`);
        return;
    }
    switch (root) {
    case 'var':
        if (!inValidation) used.variables.add(name);
        if (!module.variables.has(name)) fault(`there is no variable '${name}'${closest(String(name), Object.fromEntries(module.variables))}`);
        else checkType(module.variables.get(name).type, steps.slice(1), `var.${name}`, fault);
        return;
    case 'local':
        used.locals.add(name);
        if (!module.locals.has(name)) fault(`there is no local '${name}'${closest(String(name), Object.fromEntries(module.locals))}`);
        return;
    case 'each':
        if (!block.body.attributes.has('for_each')) fault(`'each' is known where a block has for_each only, and '${block.labels.join('.')}' has none`);
        else if (!['key', 'value'].includes(name)) fault(`'each' has no '${name}'`);
        return;
    case 'count':
        if (!block.body.attributes.has('count')) fault(`'count' is known where a block has count only, and '${block.labels.join('.')}' has none`);
        else if (name !== 'index') fault(`'count' has no '${name}'`);
        return;
    case 'self':
        if (!around.some((inner) => ['connection', 'postcondition', 'provisioner'].includes(inner.type))) {
            fault('\'self\' is known in provisioners and postconditions only');
        }
        return;
    case 'path': case 'terraform':
        if (!OBJECTS[root].includes(name)) fault(`'${root}' has no '${name}'`);
        return;
    case 'module':
        checkModuleReference(module, name, steps.slice(1), fault);
        return;
    case 'data':
        checkResourceReference(module, `data.${name}.${steps[1]?.name}`, steps.slice(2), fault);
        return;
    default:
        if (steps.length === 0 || !root.includes('_')) fault(`'${root}' isn't declared`);
        else checkResourceReference(module, `${root}.${name}`, steps.slice(1), fault);
    }
}

/** Attributes of an object type, as far as it is declared. */
function checkType(type, steps, where, fault) {
    for (const step of steps) {
        if (!type || type.kind === 'any') return;
        if (type.kind === 'object' && step.name !== undefined) {
            if (!type.attributes[step.name]) {
                fault(`'${where}' has no attribute '${step.name}'${closest(step.name, type.attributes)}`);
                return;
            }
            type = type.attributes[step.name].type;
        } else if (['string', 'number', 'bool'].includes(type.kind) && !step.splat) {
            fault(`'${where}' is a ${type.kind}, which has no attributes or elements`);
            return;
        } else {
            type = type.of;
        }
    }
}

function isInstanceStep(step) {
    return step && (step.key !== undefined || step.splat);
}

/** Takes [index] of what has count or for_each from the steps; null if it is missing or too much. */
function instanceSteps(block, steps, address, fault) {
    const many = ['count', 'for_each'].find((name) => block.body.attributes.has(name));
    if (many && steps[0]?.name !== undefined) {
        fault(`'${address}' has ${many}, so '.${steps[0].name}' can be taken of one of its instances only`);
        return null;
    }
    if (!many && isInstanceStep(steps[0]) && !steps[0].splat) {
        fault(`'${address}' has neither count nor for_each, so there is no [...] of it`);
        return null;
    }
    return isInstanceStep(steps[0]) ? steps.slice(1) : steps;
}

function checkModuleReference(module, name, steps, fault) {
    const call = module.calls.get(name);
    if (!call) {
        fault(`there is no module '${name}'${closest(String(name), Object.fromEntries(module.calls))}`);
        return;
    }
    const rest = instanceSteps(call, steps, `module.${name}`, fault);
    if (!rest?.length || !call.called) return;
    const output = call.called.outputs.get(rest[0].name);
    if (!output) {
        fault(`the module '${name}' has no output '${rest[0].name}'${closest(rest[0].name, Object.fromEntries(call.called.outputs))}`);
        return;
    }
    const attributes = call.called.isForeign ? output : attributesOf(output.body.attributes.get('value')?.value);
    if (attributes && rest[1]?.name !== undefined && !attributes.includes(rest[1].name)) {
        fault(`the output '${rest[0].name}' of the module '${name}' has no attribute '${rest[1].name}'`);
    }
}

/** The names in an object that is written out. */
function attributesOf(node) {
    if (node?.kind !== 'object') return null;
    const names = node.items.map(({ key }) => constantText(key));
    return names.includes(undefined) ? null : names;
}

function checkResourceReference(module, address, steps, fault) {
    const resource = module.resources.get(address);
    if (!resource) {
        const what = address.startsWith('data.') ? `data source '${address.slice(5)}'` : `resource '${address}'`;
        fault(`there is no ${what}${closest(address, Object.fromEntries(module.resources))}`);
        return;
    }
    const rest = instanceSteps(resource, steps, address, fault);
    const schema = schemaOf(resource.isData, resource.type);
    if (!rest || !schema) return;
    let known = { ...schema.arguments, ...schema.attributes, ...schema.blocks };
    let where = address;
    for (const step of rest) {
        if (step.name === undefined) continue;
        if (!Object.hasOwn(known, step.name)) {
            fault(`'${where}' has no attribute '${step.name}'${closest(step.name, known)}`);
            return;
        }
        const next = known[step.name];
        where += `.${step.name}`;
        if (typeof next !== 'object') return;
        known = next.arguments || next.blocks ? { ...next.arguments, ...next.attributes, ...next.blocks } : next;
    }
}

function checkUnused(module, used) {
    for (const variable of module.variables.values()) {
        if (!used.variables.has(variable.name)) module.report.add(variable.file, variable.line, `the variable '${variable.name}' isn't used`);
    }
    for (const local of module.locals.values()) {
        if (!used.locals.has(local.name)) module.report.add(local.file, local.line, `the local '${local.name}' isn't used`);
    }
}

/** Locals that need themselves. */
function checkCycles(module) {
    const needs = new Map();
    for (const local of module.locals.values()) {
        const names = new Set();
        walk(local.value, (node) => {
            if (node.kind === 'attribute' && node.of.kind === 'variable' && node.of.name === 'local') names.add(node.name);
        });
        needs.set(local.name, names);
    }
    const done = new Set();
    const visit = (name, path) => {
        if (path.includes(name)) {
            const local = module.locals.get(name);
            module.report.add(local.file, local.line, `the local '${name}' needs itself: ${[...path.slice(path.indexOf(name)), name].join(' → ')}`);
            return;
        }
        if (done.has(name)) return;
        for (const next of needs.get(name) ?? []) if (needs.has(next)) visit(next, [...path, name]);
        done.add(name);
    };
    for (const name of needs.keys()) visit(name, []);
}
