// SPDX-License-Identifier: Apache-2.0
// What a module says of itself and of others: versions, variables, outputs, providers, calls of modules.

import fs from 'node:fs';
import path from 'node:path';
import { evaluate } from '../hcl/evaluate.mjs';
import { convert, typeOf, ValueFault } from '../hcl/values.mjs';
import { constantText, walk } from '../hcl/walk.mjs';
import { checkCondition, closest, unfit } from './schema.mjs';

const META_ARGUMENTS = ['count', 'depends_on', 'for_each', 'providers', 'source', 'version'];
const NOTHING = {
    get(name) { throw new ValueFault(`'${name}' where a constant is needed`); },
    readFile(file) { throw new ValueFault(`'${file}' where a constant is needed`); },
};

function onlyArguments(module, item, known, what) {
    for (const attribute of item.body.attributes.values()) {
        if (!known.includes(attribute.name)) {
            const hint = closest(attribute.name, Object.fromEntries(known.map((name) => [name, 1])));
            module.report.add(item.file, attribute.line, `'${attribute.name}' of ${what} is no argument${hint}`);
        }
    }
}

function onlyBlocks(module, item, known, what) {
    for (const block of item.body.blocks) {
        if (!known.includes(block.type)) module.report.add(item.file, block.line, `'${block.type}' of ${what} is no block`);
    }
}

export function checkDeclarations(module) {
    checkVersions(module);
    for (const variable of module.variables.values()) checkVariable(module, variable);
    for (const output of module.outputs.values()) {
        const what = `the output '${output.name}'`;
        onlyArguments(module, output, ['depends_on', 'description', 'ephemeral', 'sensitive', 'value'], what);
        onlyBlocks(module, output, ['precondition'], what);
        for (const name of ['value', 'description']) {
            if (!output.body.attributes.has(name)) module.report.add(output.file, output.line, `${what} lacks ${name === 'value' ? 'a' : 'its'} ${name}`);
        }
    }
}

function checkVersions(module) {
    const [{ file, line } = { file: module.nameOf('versions.tf'), line: 1 }] = module.terraform;
    const settings = module.terraform.map((item) => item.body);
    if (!settings.some((body) => body.attributes.has('required_version'))) {
        module.report.add(file, line, 'the module lacks required_version');
    }
    const required = new Map();
    for (const body of settings) {
        for (const block of body.blocks.filter((inner) => inner.type === 'required_providers')) {
            for (const { name, value, line: at } of block.body.attributes.values()) {
                required.set(name, value);
                const keys = value.kind === 'object' ? value.items.map(({ key }) => constantText(key)) : [];
                if (!keys.includes('source') || !keys.includes('version')) {
                    module.report.add(file, at, `the required provider '${name}' needs a source and a version`);
                }
            }
        }
    }
    const used = new Map(module.providers.map((item) => [item.name, item]));
    for (const resource of module.resources.values()) used.set(resource.type.split('_')[0], resource);
    used.delete('terraform');
    for (const [name, { file: where, line: at }] of used) {
        if (!required.has(name)) module.report.add(where, at, `the provider '${name}' isn't in required_providers of versions.tf`);
    }
    for (const name of required.keys()) {
        if (!used.has(name) && module.calls.size === 0) module.report.add(file, line, `the required provider '${name}' isn't used`);
    }
}

function checkVariable(module, variable) {
    const { body, file, line, name } = variable;
    const what = `the variable '${name}'`;
    onlyArguments(module, variable, ['default', 'description', 'ephemeral', 'nullable', 'sensitive', 'type'], what);
    onlyBlocks(module, variable, ['validation'], what);
    if (!body.attributes.has('type')) module.report.add(file, line, `${what} lacks its type`);
    if (!(constantText(body.attributes.get('description')?.value) ?? '').trim()) {
        module.report.add(file, line, `${what} lacks its description`);
    }
    variable.isRequired = !body.attributes.has('default');
    try {
        const type = body.attributes.get('type');
        variable.type = type ? typeOf(type.value, (node) => evaluate(node, NOTHING)) : { kind: 'any' };
        variable.certainKind = { bool: 'bool', list: 'list', map: 'map', number: 'number', object: 'map', set: 'list', string: 'string' }[variable.type.kind];
        const fallback = body.attributes.get('default');
        if (fallback) variable.fallback = convert(evaluate(fallback.value, NOTHING), variable.type, `the default of '${name}'`);
    } catch (fault) {
        if (!(fault instanceof ValueFault)) throw fault;
        variable.type ??= { kind: 'any' };
        variable.isBroken = true;
        module.report.add(file, fault.line ?? body.attributes.get('default')?.line ?? line, `${what}: ${fault.message}`);
    }
    for (const block of body.blocks) {
        checkCondition(module, file, block, name);
        const condition = block.body.attributes.get('condition');
        let own = false;
        if (condition) {
            walk(condition.value, (node) => {
                if (node.kind === 'attribute' && node.of.kind === 'variable' && node.of.name === 'var' && node.name === name) own = true;
            });
            if (!own) module.report.add(file, condition.line, `the validation of '${name}' doesn't look at var.${name}`);
        }
    }
}

/** The interface of a called module: {variables: Map, outputs: Map}, or null. Reports a source that isn't there. */
export function calledModule(module, call, modules, root, interfaces) {
    const source = module.sourceOf(call);
    if (source === undefined) {
        module.report.add(call.file, call.line, `the module '${call.name}' lacks a constant source`);
        return null;
    }
    if (source.startsWith('.')) {
        const found = modules.get(path.relative(root, path.join(module.folder, source)) || '.');
        if (!found) {
            const { line } = call.body.attributes.get('source');
            module.report.add(call.file, line, `the module '${call.name}' has its source in ${source}, where no module is`);
        }
        return found ?? null;
    }
    if (!interfaces.has(source)) {
        module.report.add(call.file, call.line, `the interface of the module ${source} isn't known; write it down in tests/terraform/interfaces/`);
        return null;
    }
    if (!call.body.attributes.has('version')) module.report.add(call.file, call.line, `the module '${call.name}' of a registry needs a version`);
    return interfaces.get(source);
}

/** The interfaces of modules that aren't in the tree, as inputs and outputs. */
export function readInterfaces(folder) {
    const interfaces = new Map();
    for (const file of fs.readdirSync(folder)) {
        const { source, providers, inputs, outputs } = JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'));
        const variables = Object.entries(inputs).map(([name, type]) => {
            const kind = type.replace(' required', '');
            return [name, { name, isRequired: type.endsWith(' required'), type: kindOf(kind) }];
        });
        interfaces.set(source, { isForeign: true, providers, variables: new Map(variables), outputs: new Map(Object.entries(outputs)) });
    }
    return interfaces;
}

/** "list(string)" of a schema or an interface as a type. */
export function kindOf(text) {
    const [, outer, inner] = /^(list|set|map)\((\w+)\)$/.exec(text) ?? [];
    return outer ? { kind: outer, of: { kind: inner === 'boolean' ? 'bool' : inner } } : { kind: text };
}

function typeName(type) {
    return type.of ? `${type.kind}(${type.of.kind})` : type.kind;
}

export function checkCalls(module, modules, root, interfaces) {
    for (const call of module.calls.values()) {
        const called = calledModule(module, call, modules, root, interfaces);
        call.called = called;
        onlyBlocks(module, call, [], `the module '${call.name}'`);
        if (!called) continue;
        for (const attribute of call.body.attributes.values()) {
            if (META_ARGUMENTS.includes(attribute.name)) continue;
            const variable = called.variables.get(attribute.name);
            if (!variable) {
                const known = Object.fromEntries([...called.variables.keys()].map((name) => [name, 1]));
                module.report.add(call.file, attribute.line, `the module '${call.name}' has no variable '${attribute.name}'${closest(attribute.name, known)}`);
                continue;
            }
            const wanted = typeName(variable.type).replace(/^object$/, 'map');
            const fault = unfit(attribute.value, wanted, module);
            if (fault) module.report.add(call.file, attribute.line, `'${attribute.name}' of the module '${call.name}' has to be a ${wanted}, it is ${fault}`);
        }
        for (const variable of called.variables.values()) {
            if (variable.isRequired && !call.body.attributes.has(variable.name)) {
                module.report.add(call.file, call.line, `the module '${call.name}' isn't given its variable '${variable.name}'`);
            }
        }
    }
}
