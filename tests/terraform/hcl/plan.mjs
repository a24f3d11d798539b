// SPDX-License-Identifier: Apache-2.0
// What Terraform's plan would compute of a module with given variables, all of it: each condition, each argument of each
// instance, the modules below. What AWS would answer is unknown, except for what the sample says.

import fs from 'node:fs';
import path from 'node:path';
import { kindOf } from '../checks/declarations.mjs';
import { schemaOf } from '../checks/schema.mjs';
import { evaluate, Lazy, nest, sorted } from './evaluate.mjs';
import { convert, holdsUnknown, isObject, nameOf, toBool, UNKNOWN, ValueFault, ValueSet } from './values.mjs';

const META_ARGUMENTS = ['count', 'depends_on', 'for_each', 'provider', 'providers', 'source', 'version'];
const META_BLOCKS = ['connection', 'lifecycle', 'provisioner'];

/** The values of one module with one set of variables. `visit(resource, config, prefix)` sees each instance's arguments. */
export class Plan {
    constructor(module, given, context, prefix = '') {
        this.module = module;
        this.given = given;
        this.context = context;  // {root, known, fault(file, line, message), visit}
        this.prefix = prefix;
        this.memory = new Map();
    }

    fault(file, line, message) {
        this.context.fault(file, line, this.prefix ? `${message}, in ${this.prefix.slice(0, -1)}` : message);
    }

    /** Computes it once; a fault is said once, and makes the value unknown. */
    once(key, item, compute) {
        const before = this.memory.get(key);
        if (before?.busy) throw new ValueFault(`'${key}' needs itself`);
        if (before) return before.value;
        const entry = { busy: true, value: UNKNOWN };
        this.memory.set(key, entry);
        entry.value = this.guarded(item.file, item.line, compute);
        entry.busy = false;
        return entry.value;
    }

    guarded(file, line, compute) {
        try {
            return compute();
        } catch (fault) {
            if (!(fault instanceof ValueFault)) throw fault;
            this.fault(file, fault.line ?? line, fault.message);
            return UNKNOWN;
        }
    }

    // ---- names ----

    get(name, line) {
        switch (name) {
        case 'var': return new Lazy('var', (member) => this.variable(member));
        case 'local': return new Lazy('local', (member) => this.local(member));
        case 'module': return new Lazy('module', (member) => this.call(member));
        case 'data': return new Lazy('data', (type) => new Lazy(`data.${type}`, (member) => this.resource(`data.${type}.${member}`)));
        case 'path': return { cwd: '.', module: path.resolve(this.module.folder), root: this.context.root };
        case 'terraform': return { workspace: 'default' };
        default:
            if (!name.includes('_')) throw new ValueFault(`'${name}' isn't known`, line);
            return new Lazy(name, (member) => this.resource(`${name}.${member}`));
        }
    }

    readFile(file, line) {
        const found = path.resolve(this.context.root, file);
        if (!fs.existsSync(found)) throw new ValueFault(`there is no file ${path.relative(path.resolve(this.module.folder), found)}`, line);
        return fs.readFileSync(found);
    }

    known(address) {
        return this.context.known[this.prefix + address] ?? this.context.known[address];
    }

    // ---- values ----

    variable(name) {
        const variable = this.module.variables.get(name);
        if (!variable) throw new ValueFault(`there is no variable '${name}'`);
        return this.once(`var.${name}`, variable, () => {
            if (!Object.hasOwn(this.given, name)) {
                if (variable.isRequired) throw new ValueFault(`the variable '${name}' has no value`);
                return variable.fallback;
            }
            const given = this.given[name];
            const isNullable = variable.body.attributes.get('nullable')?.value.value !== false;
            if (given === null && !isNullable) return variable.fallback;
            return convert(given, variable.type, `the variable '${name}'`);
        });
    }

    local(name) {
        const local = this.module.locals.get(name);
        if (!local) throw new ValueFault(`there is no local '${name}'`);
        return this.once(`local.${name}`, local, () => evaluate(local.value, this));
    }

    /** One value, or a list or map of them with count or for_each. */
    instances(item, address, evaluateOne) {
        const count = item.body.attributes.get('count');
        const forEach = item.body.attributes.get('for_each');
        const source = count ?? forEach;
        if (!source) return evaluateOne(this, '');
        const value = evaluate(source.value, this);
        if (value === UNKNOWN || (forEach && value instanceof ValueSet && holdsUnknown(value))) {
            this.fault(item.file, source.line, `the ${source.name} of '${address}' is unknown: it depends on what AWS says `
                + 'at apply only, or \'known\' of the sample lacks a data source');
            evaluateOne(nest(this, count ? { count: { index: UNKNOWN } } : { each: { key: UNKNOWN, value: UNKNOWN } }), '');
            return UNKNOWN;
        }
        if (count) {
            const number = convert(value, { kind: 'number' }, `the count of '${address}'`);
            return Array.from({ length: number }, (_, index) => evaluateOne(nest(this, { count: { index } }), `[${index}]`));
        }
        if (!isObject(value) && !(value instanceof ValueSet)) {
            throw new ValueFault(`the for_each of '${address}' has to be a map or a set of strings, it is ${nameOf(value)}`, source.line);
        }
        const entries = isObject(value) ? Object.entries(value) : [...value].map((element) => [element, element]);
        return sorted(Object.fromEntries(entries.map(([key, element]) => (
            [key, evaluateOne(nest(this, { each: { key, value: element } }), `["${key}"]`)]))));
    }

    resource(address) {
        const resource = this.module.resources.get(address);
        if (!resource) throw new ValueFault(`there is no '${address}'`);
        return this.once(address, resource, () => this.instances(resource, address, (scope, key) => this.instance(resource, scope, key)));
    }

    instance(resource, scope, key) {
        const schema = schemaOf(resource.isData, resource.type);
        if (!schema) return UNKNOWN;
        const config = this.block(resource.file, resource.block, schema, resource.address, scope, true);
        this.context.visit?.(resource, config, this.prefix);
        const value = {};
        for (const name of Object.keys({ ...schema.attributes, ...schema.arguments, ...schema.blocks })) value[name] = UNKNOWN;
        for (const [name, given] of Object.entries(config)) if (given !== null) value[name] = given;
        Object.assign(value, this.known(resource.address), this.known(resource.address + key));
        this.conditions(resource, scope, value);
        return value;
    }

    /** The arguments of a block and of those in it, of the types that the schema says. */
    block(file, { body }, schema, where, scope, isTop = false) {
        const config = {};
        for (const attribute of body.attributes.values()) {
            if (isTop && META_ARGUMENTS.includes(attribute.name)) continue;
            const type = schema.arguments?.[attribute.name];
            config[attribute.name] = this.guarded(file, attribute.line, () => {
                const value = evaluate(attribute.value, scope);
                if (!type) return value;
                if (value === null && type.endsWith(' required')) {
                    throw new ValueFault(`'${attribute.name}' of '${where}' is null, and is required`, attribute.line);
                }
                return convert(value, kindOf(type.replace(' required', '')), `'${attribute.name}' of '${where}'`);
            });
        }
        for (const block of body.blocks) {
            if (isTop && META_BLOCKS.includes(block.type)) continue;
            const name = block.type === 'dynamic' ? block.labels[0] : block.type;
            const inner = schema.blocks?.[name];
            if (!inner) continue;
            const all = (config[name] ??= []);
            if (block.type === 'dynamic') all.push(...this.dynamic(file, block, inner, `${where}.${name}`, scope));
            else all.push(this.block(file, block, inner, `${where}.${name}`, scope));
            if (inner.max && all.length > inner.max) {
                this.fault(file, block.line, `'${where}' gets ${all.length} blocks '${name}', ${inner.max} at most is possible`);
            }
        }
        return config;
    }

    dynamic(file, block, schema, where, scope) {
        const { value: forEach, line } = block.body.attributes.get('for_each');
        const source = this.guarded(file, line, () => evaluate(forEach, scope));
        const iterator = block.body.attributes.get('iterator')?.value.name ?? block.labels[0];
        const content = block.body.blocks[0];
        const one = (key, value) => this.block(file, content, schema, where, nest(scope, { [iterator]: { key, value } }));
        if (source === UNKNOWN) {
            one(UNKNOWN, UNKNOWN);
            return [];
        }
        if (source instanceof ValueSet) return [...source].map((value) => one(value, value));
        if (Array.isArray(source)) return source.map((value, index) => one(index, value));
        if (isObject(source)) return Object.entries(source).map(([key, value]) => one(key, value));
        this.fault(file, line, `the for_each of the dynamic block '${where}' is ${nameOf(source)}`);
        return [];
    }

    conditions(item, scope, self) {
        for (const lifecycle of item.body.blocks.filter((block) => block.type === 'lifecycle')) {
            for (const block of lifecycle.body.blocks) {
                this.condition(item, block, block.type === 'postcondition' ? nest(scope, { self }) : scope);
            }
        }
    }

    /** Says the message of a condition that isn't met. */
    condition(item, block, scope) {
        const condition = block.body.attributes.get('condition');
        const message = block.body.attributes.get('error_message');
        if (!condition || !message) return;
        this.guarded(item.file, condition.line, () => {
            const met = evaluate(condition.value, scope);
            const text = evaluate(message.value, scope);
            if (met === UNKNOWN || toBool(met, condition.line)) return;
            this.fault(item.file, condition.line, `the ${block.type} isn't met: ${text === UNKNOWN ? '(unknown)' : text}`);
        });
    }

    call(name) {
        const call = this.module.calls.get(name);
        if (!call) throw new ValueFault(`there is no module '${name}'`);
        return this.once(`module.${name}`, call, () => this.instances(call, `module.${name}`, (scope) => this.callInstance(call, scope)));
    }

    callInstance(call, scope) {
        const given = {};
        for (const attribute of call.body.attributes.values()) {
            if (META_ARGUMENTS.includes(attribute.name)) continue;
            given[attribute.name] = this.guarded(call.file, attribute.line, () => evaluate(attribute.value, scope));
        }
        const known = this.known(`module.${call.name}`);
        if (!call.called || call.called.isForeign) {
            const outputs = {};
            for (const name of call.called?.outputs.keys() ?? []) outputs[name] = UNKNOWN;
            return { ...outputs, ...known };
        }
        const inner = new Plan(call.called, given, this.context, `${this.prefix}module.${call.name}.`);
        inner.checkVariables();
        // An output is computed when it's asked for: modules may need each other's.
        this.inners ??= [];
        this.inners.push(inner);
        return new Lazy(`module.${call.name}`, (output) => known?.[output] ?? inner.output(output));
    }

    output(name) {
        const output = this.module.outputs.get(name);
        if (!output) throw new ValueFault(`there is no output '${name}'`);
        return this.once(`output.${name}`, output, () => evaluate(output.body.attributes.get('value').value, this));
    }

    // ---- all of it ----

    checkVariables() {
        for (const variable of this.module.variables.values()) {
            this.variable(variable.name);
            for (const block of variable.body.blocks) this.condition(variable, block, this);
        }
    }

    run() {
        this.checkVariables();
        this.rest();
    }

    rest() {
        for (const provider of this.module.providers) this.provider(provider, provider.body);
        for (const name of this.module.locals.keys()) this.local(name);
        for (const address of this.module.resources.keys()) this.resource(address);
        for (const name of this.module.calls.keys()) this.call(name);
        for (const name of this.module.outputs.keys()) this.output(name);
        for (const inner of this.inners ?? []) inner.rest();
    }

    provider(item, body) {
        for (const attribute of body.attributes.values()) this.guarded(item.file, attribute.line, () => evaluate(attribute.value, this));
        for (const block of body.blocks) this.provider(item, block.body);
    }
}
