#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Checks a tree of Terraform modules without network and without Terraform; README.md says what.
//
//   check.mjs [--samples FOLDER] [--rebuilder PROGRAM] [--shellcheck PROGRAM] FOLDER
//
// Each fault is a line FILE:LINE: SENTENCE. The status is 0 without faults, 1 with some, 2 if it can't be asked so.

import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkCalls, checkDeclarations, readInterfaces } from './checks/declarations.mjs';
import { checkFormat } from './checks/format.mjs';
import { readTree, Report } from './checks/module.mjs';
import { checkReferences } from './checks/references.mjs';
import { checkSamples } from './checks/samples.mjs';
import { checkResources } from './checks/schema.mjs';
import { checkScripts } from './checks/scripts.mjs';
import { checkSecurity } from './checks/security.mjs';
import { checkTemplates } from './checks/templates.mjs';
import { checkProviderVersions } from './checks/versions.mjs';

const INTERFACES = fileURLToPath(new URL('interfaces/', import.meta.url));

/** The faults of a tree, as lines; and what was done, for people. */
export async function check(root, { samples, rebuilder, shellcheck }) {
    const report = new Report();
    const modules = await readTree(root, report);
    const interfaces = readInterfaces(INTERFACES);
    for (const module of modules.values()) {
        for (const file of module.files) checkFormat(file, report);
        checkDeclarations(module);
    }
    for (const module of modules.values()) checkCalls(module, modules, root, interfaces);
    for (const module of modules.values()) checkProviderVersions(module);
    for (const module of modules.values()) {
        checkResources(module);
        if (!module.broken) checkReferences(module);
        checkTemplates(module);
        checkSecurity(module);
    }
    await checkScripts(root, report, shellcheck);
    let cases = 0;
    // What is wrong already would only be said again in other words.
    if (report.faults.length === 0 && samples) cases = await checkSamples(samples, modules, root, report, { rebuilder, shellcheck });
    return { faults: report.faults, modules: modules.size, cases };
}

function usage() {
    const lines = fs.readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n');
    return lines.slice(2, lines.indexOf('', 2)).map((line) => line.replace(/^\/\/ ?/, '')).join('\n');
}

function refuse(message) {
    console.error(`check: ${message}; see check.mjs --help`);
    process.exit(2);
}

async function main() {
    const options = {};
    const words = process.argv.slice(2);
    let root;
    while (words.length) {
        const word = words.shift();
        if (word === '--help' || word === '-h') {
            console.log(usage());
            return;
        }
        const [, name] = /^--(samples|rebuilder|shellcheck)$/.exec(word) ?? [];
        if (name) options[name] = words.shift() ?? refuse(`${word} needs a value`);
        else if (word.startsWith('-')) refuse(`unknown option '${word}'`);
        else if (root) refuse(`one folder is enough, '${word}' is another`);
        else root = word;
    }
    if (!root) refuse('no folder is given');
    if (!fs.existsSync(root)) refuse(`there is no folder '${root}'`);
    const { faults, modules, cases } = await check(root, options);
    for (const fault of faults) console.log(fault);
    console.log(`${modules} modules, ${cases} samples, ${faults.length} faults`);
    process.exit(faults.length ? 1 : 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
