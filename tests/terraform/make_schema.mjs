#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Writes schema/ from the types that @cdktf/provider-aws generates from the AWS provider's own schema.
//
//   npm pack @cdktf/provider-aws@21.22.1 && tar xzf cdktf-provider-aws-*.tgz
//   tests/terraform/make_schema.mjs package                        writes all that schema/ has already again
//   tests/terraform/make_schema.mjs package aws_lb data.aws_vpc    adds these
//
// A file is {provider, arguments, attributes, blocks}: arguments can be set ("string required", "number", "list(string)"),
// attributes can only be read, blocks are nested and may be "max": 1 or "required".

import fs from 'node:fs';
import path from 'node:path';

const FOLDER = new URL('schema', import.meta.url).pathname;
const ENTRY = /^ +(\w+): \{\n +value: (.*),\n +isBlock: (true|false),\n +type: "(\w+)",\n +storageClassType: "(\w+)",\n/gm;
const GETTER = /\/\/ (\w+) - computed: true, optional: false, required: false\n +get \w+\(\) \{\n +return (.*);\n/g;
const NESTED_LIST = /this\._(\w+) = new (\w+?)(?:List|OutputReference)\(this, "(\w+)"(?:, (?:true|false))?\);/g;
const READS = {
    getBooleanAttribute: 'bool',
    getListAttribute: 'list(string)',
    getNumberAttribute: 'number',
    getNumberListAttribute: 'list(number)',
    getStringAttribute: 'string',
    getStringMapAttribute: 'map(string)',
};

class Source {
    constructor(text) {
        this.text = text.slice(0, text.indexOf('\n//# sourceMappingURL') + 1) || text;
    }

    between(start, end) {
        const from = this.text.indexOf(start);
        if (from < 0) return null;
        return this.text.slice(from, this.text.indexOf(end, from + start.length));
    }

    classBody(name) {
        return this.between(`\nclass ${name} extends`, '\n}\n');
    }

    /** The entries of what is settable, from the function that writes them as HCL. */
    struct(functionName, className) {
        const body = this.classBody(`${className}OutputReference`) ?? this.classBody(className) ?? '';
        return this.level(this.between(`\nfunction ${functionName}(struct) {`, '\n}\n'), body);
    }

    level(writer, body) {
        const result = { arguments: {}, attributes: {}, blocks: {} };
        for (const [, name, value, isBlock, type, storage] of writer?.matchAll(ENTRY) ?? []) {
            const camel = /(?:this\._|struct\.)(\w+)/.exec(value)[1];
            const optional = body.includes(`    reset${camel[0].toUpperCase()}${camel.slice(1)}() {`);
            if (isBlock === 'false') {
                result.arguments[name] = typeText(type, storage, value) + (optional ? '' : ' required');
                continue;
            }
            const inner = /(\w+)ToHclTerraform/.exec(value)[1];
            const block = this.struct(`${inner}ToHclTerraform`, inner[0].toUpperCase() + inner.slice(1));
            if (!value.includes('listMapperHcl')) block.max = 1;
            if (!optional) block.required = true;
            // Also `name = [{...}]`, as the provider lets it for a few.
            if (value.includes('ToHclTerraform, false)')) block.orAttribute = true;
            result.blocks[name] = tidy(block);
        }
        for (const [, name, value] of body.matchAll(GETTER)) {
            const read = /this\.(get\w+)\(/.exec(value)?.[1];
            if (read) {
                result.attributes[name] = READS[read] ?? 'any';
            } else if (!result.blocks[name] && !result.arguments[name]) {
                result.attributes[name] = 'any';
            }
        }
        // Lists of objects that can only be read.
        for (const [, , className, name] of body.matchAll(NESTED_LIST)) {
            if (result.blocks[name]) continue;
            if (result.arguments[name]) continue;
            const inner = this.level(null, this.classBody(`${className}OutputReference`) ?? '');
            result.attributes[name] = inner.attributes;
        }
        return tidy(result);
    }

    whole() {
        const [, className] = /\nclass (\w+) extends cdktf\.Terraform(?:Resource|DataSource)/.exec(this.text);
        const body = this.classBody(className);
        return this.level(body.slice(body.indexOf('synthesizeHclAttributes() {')), body);
    }
}

function typeText(type, storage, value) {
    if (type === 'simple') return { boolean: 'bool', number: 'number', string: 'string' }[storage] ?? 'any';
    const of = /^(string|number|boolean)/.exec(storage)?.[1] ?? 'any';
    if (type === 'map') return `map(${of})`;
    if (type === 'list' || type === 'set') return value.includes('listMapperHcl(cdktf.listMapper') ? 'list(any)' : `${type}(${of})`;
    return 'any';
}

function tidy(level) {
    const result = {};
    for (const key of ['max', 'required', 'orAttribute']) if (level[key]) result[key] = level[key];
    for (const key of ['arguments', 'attributes', 'blocks']) {
        const entries = Object.entries(level[key] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
        if (entries.length) result[key] = Object.fromEntries(entries);
    }
    return result;
}

function write(name, packageFolder) {
    const isData = name.startsWith('data.');
    const type = name.replace(/^data\./, '');
    const folder = `${isData ? 'data-aws-' : ''}${type.replace(/^aws_/, '').replaceAll('_', '-')}`;
    const file = path.join(packageFolder, 'lib', folder, 'index.js');
    if (!fs.existsSync(file)) {
        console.error(`make_schema: there is no ${file}, so the AWS provider has no ${name}`);
        process.exitCode = 1;
        return;
    }
    const text = fs.readFileSync(file, 'utf8');
    const version = /providerVersion: '([^']+)'/.exec(text)[1];
    const schema = { provider: `hashicorp/aws ${version}`, ...new Source(text).whole() };
    if (!isData && schema.arguments.id === 'string') {
        // Every resource says that it can be set; none of them should be.
        delete schema.arguments.id;
        schema.attributes = Object.fromEntries(Object.entries({ ...schema.attributes, id: 'string' }).sort());
    }
    const target = path.join(FOLDER, isData ? 'data' : 'resource', `${type}.json`);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, `${JSON.stringify(schema, null, 1)}\n`);
}

function known() {
    const names = [];
    for (const [folder, prefix] of [['resource', ''], ['data', 'data.']]) {
        const files = fs.existsSync(path.join(FOLDER, folder)) ? fs.readdirSync(path.join(FOLDER, folder)) : [];
        names.push(...files.filter((file) => file.startsWith('aws_')).map((file) => prefix + file.replace('.json', '')));
    }
    return names;
}

const [packageFolder, ...names] = process.argv.slice(2);
if (!packageFolder || packageFolder.startsWith('-')) {
    const lines = fs.readFileSync(new URL(import.meta.url), 'utf8').split('\n');
    console.log(lines.slice(2, lines.indexOf('', 2)).map((line) => line.replace(/^\/\/ ?/, '')).join('\n'));
    process.exit(packageFolder ? 0 : 2);
}
for (const name of names.length ? names : known()) write(name, packageFolder);
