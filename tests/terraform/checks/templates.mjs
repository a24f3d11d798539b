// SPDX-License-Identifier: Apache-2.0
// Template files: each is used, is a template, and gets the variables that it uses and no others.

import fs from 'node:fs';
import path from 'node:path';
import { TERRAFORM_FUNCTIONS } from '../hcl/functions.mjs';
import { SyntaxFault } from '../hcl/lexer.mjs';
import { parseTemplate } from '../hcl/parser.mjs';
import { constantText, eachAttribute, walk } from '../hcl/walk.mjs';
import { closest } from './schema.mjs';

export function checkTemplates(module) {
    const used = new Set();
    for (const { name: file, body } of module.files) {
        eachAttribute(body, (attribute) => {
            walk(attribute.value, (node) => {
                if (node.kind === 'call' && ['file', 'filebase64', 'templatefile'].includes(node.name)) checkFileOf(module, file, node, used);
            });
        });
    }
    for (const name of fs.readdirSync(module.folder)) {
        if (name.endsWith('.tftpl') && !used.has(path.join(module.folder, name))) {
            module.report.add(module.nameOf(name), 1, 'no templatefile() uses this template');
        }
    }
}

/** "${path.module}/name" as a path, undefined if it depends on more. */
function pathOf(node, module) {
    if (node?.kind !== 'template') return undefined;
    const parts = node.parts.map((part) => {
        if (part.kind === 'text') return part.value;
        const { of } = part;
        const isModule = of?.kind === 'attribute' && of.of.kind === 'variable' && of.of.name === 'path' && of.name === 'module';
        return isModule ? module.folder : undefined;
    });
    return parts.includes(undefined) ? undefined : path.normalize(parts.join(''));
}

function checkFileOf(module, file, call, used) {
    const found = pathOf(call.arguments[0], module);
    if (found === undefined) return;
    used.add(found);
    if (!fs.existsSync(found)) {
        module.report.add(file, call.line, `there is no file ${path.relative(module.folder, found)}`);
        return;
    }
    if (call.name !== 'templatefile') return;
    const name = module.nameOf(path.relative(module.folder, found));
    let template;
    try {
        template = parseTemplate(fs.readFileSync(found, 'utf8'));
    } catch (fault) {
        if (!(fault instanceof SyntaxFault)) throw fault;
        module.report.add(name, fault.line, `no template: ${fault.message}`);
        return;
    }
    const passed = call.arguments[1]?.kind === 'object' ? call.arguments[1].items.map(({ key }) => constantText(key)) : null;
    const wanted = new Set();
    walk(template, (node, names) => {
        if (node.kind === 'call' && !TERRAFORM_FUNCTIONS.has(node.name)) {
            module.report.add(name, node.line, `there is no function '${node.name}'`);
        }
        if (node.kind !== 'variable' || names.has(node.name)) return;
        wanted.add(node.name);
        if (passed && !passed.includes(node.name)) {
            const hint = closest(node.name, Object.fromEntries(passed.map((key) => [key, 1])));
            module.report.add(name, node.line, `the template uses '${node.name}', which ${file}:${call.line} doesn't pass to it${hint}`);
        }
    });
    for (const key of passed ?? []) {
        if (!wanted.has(key)) module.report.add(file, call.line, `'${key}' is passed to ${path.basename(found)}, which doesn't use it`);
    }
}
