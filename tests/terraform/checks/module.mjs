// SPDX-License-Identifier: Apache-2.0
// Reads a tree of Terraform modules: each folder with .tf files is one, with what it declares by name.

import fs from 'node:fs';
import path from 'node:path';
import { SyntaxFault } from '../hcl/lexer.mjs';
import { parseFile } from '../hcl/parser.mjs';
import { constantText } from '../hcl/walk.mjs';
import { compareWithJudge } from './judge.mjs';

/** What is wrong, in the order in which it was found. Paths are those that the person gave. */
export class Report {
    constructor() {
        this.faults = [];
    }

    add(file, line, message) {
        const text = `${file}:${line}: ${message}`;
        if (!this.faults.includes(text)) this.faults.push(text);
    }
}

const LABELS = {
    check: 1, data: 2, import: 0, locals: 0, module: 1, moved: 0, output: 1, provider: 1, removed: 0, resource: 2, terraform: 0,
    variable: 1,
};

export class Module {
    constructor(folder, relative, report) {
        this.folder = folder;
        this.relative = relative;
        this.report = report;
        this.files = [];
        this.variables = new Map();
        this.locals = new Map();
        this.outputs = new Map();
        this.calls = new Map();
        this.resources = new Map();  // 'aws_lb.this', 'data.aws_vpc.this'
        this.providers = [];
        this.terraform = [];
    }

    nameOf(file) {
        return path.join(this.relative, file);
    }

    async read() {
        for (const file of fs.readdirSync(this.folder).filter((name) => name.endsWith('.tf')).sort()) {
            const text = fs.readFileSync(path.join(this.folder, file), 'utf8');
            const name = this.nameOf(file);
            try {
                const body = parseFile(text);
                await compareWithJudge(name, text, body);
                this.files.push({ name, text, body });
            } catch (fault) {
                if (!(fault instanceof SyntaxFault)) throw fault;
                this.report.add(name, fault.line, `no Terraform: ${fault.message}`);
                this.broken = true;
            }
        }
        for (const file of this.files) this.declare(file);
        return this;
    }

    declare({ name: file, body }) {
        for (const attribute of body.attributes.values()) {
            this.report.add(file, attribute.line, `'${attribute.name}' is set outside of any block`);
        }
        for (const block of body.blocks) {
            const wanted = LABELS[block.type];
            if (wanted === undefined) {
                this.report.add(file, block.line, `there is no block '${block.type}' at the top of a file`);
                continue;
            }
            if (block.labels.length !== wanted) {
                this.report.add(file, block.line, `a block '${block.type}' has ${wanted} label(s), not ${block.labels.length}`);
                continue;
            }
            const item = { file, block, body: block.body, line: block.line, name: block.labels.at(-1) };
            switch (block.type) {
            case 'variable': this.add(this.variables, item.name, item, 'variable'); break;
            case 'output': this.add(this.outputs, item.name, item, 'output'); break;
            case 'module': this.add(this.calls, item.name, item, 'module'); break;
            case 'resource': case 'data': {
                const isData = block.type === 'data';
                const address = `${isData ? 'data.' : ''}${block.labels.join('.')}`;
                this.add(this.resources, address, { ...item, isData, type: block.labels[0], address }, isData ? 'data source' : 'resource');
                break;
            }
            case 'locals':
                for (const attribute of block.body.attributes.values()) {
                    this.add(this.locals, attribute.name, { file, ...attribute }, 'local');
                }
                break;
            case 'provider': this.providers.push(item); break;
            case 'terraform': this.terraform.push(item); break;
            default:
            }
        }
    }

    add(map, name, item, what) {
        const before = map.get(name);
        if (before) this.report.add(item.file, item.line, `the ${what} '${name}' is declared already, in ${before.file}:${before.line}`);
        else map.set(name, item);
    }

    sourceOf(call) {
        return constantText(call.body.attributes.get('source')?.value);
    }
}

/** The modules under a folder, by their folder's path relative to it; '.' is the root module. */
export async function readTree(root, report) {
    const modules = new Map();
    const visit = async (folder) => {
        const entries = fs.readdirSync(folder, { withFileTypes: true });
        if (entries.some((entry) => entry.isFile() && entry.name.endsWith('.tf'))) {
            const relative = path.relative(root, folder);
            modules.set(relative || '.', await new Module(folder, path.join(root, relative), report).read());
        }
        for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
            if (entry.isDirectory() && !entry.name.startsWith('.')) await visit(path.join(folder, entry.name));
        }
    };
    await visit(root);
    if (modules.size === 0) report.add(root, 1, 'there is no .tf file in this folder');
    return modules;
}
