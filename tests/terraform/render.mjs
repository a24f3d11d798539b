#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Prints one output of a module, computed without Terraform, for tests that need what it renders.
//
//   render.mjs FOLDER OUTPUT < variables.json

import fs from 'node:fs';
import path from 'node:path';
import { checkDeclarations } from './checks/declarations.mjs';
import { readTree, Report } from './checks/module.mjs';
import { Plan } from './hcl/plan.mjs';

function refuse(message) {
    console.error(`render: ${message}`);
    process.exit(2);
}

const [folder, name] = process.argv.slice(2);
if (!name) refuse('a folder and the name of an output are needed');
const report = new Report();
const modules = await readTree(folder, report);
for (const each of modules.values()) checkDeclarations(each);  // reads types, too
const module = modules.get('.');
if (!module || report.faults.length) refuse(report.faults[0] ?? `there is no module in ${folder}`);
const faults = [];
const plan = new Plan(module, JSON.parse(fs.readFileSync(0, 'utf8')), {
    root: path.resolve(folder),
    known: {},
    fault: (file, line, message) => faults.push(`${file}:${line}: ${message}`),
});
const value = plan.output(name);
if (faults.length) refuse(faults[0]);
if (typeof value !== 'string') refuse(`the output '${name}' is no text that can be computed`);
process.stdout.write(value);
