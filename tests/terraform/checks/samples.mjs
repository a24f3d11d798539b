// SPDX-License-Identifier: Apache-2.0
// Plans the modules with the values of samples/, and checks what instances would get of it; README.md says what a sample is.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { Plan } from '../hcl/plan.mjs';
import { UNKNOWN } from '../hcl/values.mjs';
import { faultsOfScript } from './scripts.mjs';
import { checkOpenIngress } from './security.mjs';

const KEYS = ['about', 'cases', 'known', 'module', 'refused', 'variables'];

/** Gives how many cases there were. */
export async function checkSamples(folder, modules, root, report, programs) {
    let count = 0;
    for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.json')).sort()) {
        const name = path.join(folder, file);
        const sample = JSON.parse(fs.readFileSync(name, 'utf8'));
        const unknownKey = Object.keys(sample).find((key) => !KEYS.includes(key));
        if (unknownKey) report.add(name, 1, `a sample has no key '${unknownKey}'`);
        const module = modules.get(sample.module);
        if (!module) {
            report.add(name, 1, `there is no module '${sample.module}' in ${root}`);
            continue;
        }
        for (const [title, given] of Object.entries(sample.cases ?? {})) {
            count++;
            checkCase({ name, sample, module, root, report, programs }, title, given);
        }
        for (const [variable, values] of Object.entries(sample.refused ?? {})) {
            count += values.length;
            for (const value of values) checkRefused({ name, sample, module, root, report }, variable, value);
        }
    }
    return count;
}

/** {"repeat": "name-#", "times": 3} is a long list in short. */
function variablesOf(sample, more) {
    const entries = Object.entries({ ...sample.variables, ...more }).map(([name, value]) => (
        [name, value?.times ? Array.from({ length: value.times }, (_, index) => value.repeat.replace('#', index)) : value]));
    return Object.fromEntries(entries);
}

function checkCase({ name, sample, module, root, report, programs }, title, given) {
    const faults = [];
    const instances = [];
    const plan = new Plan(module, variablesOf(sample, given.variables), {
        root: path.resolve(root),
        known: { ...sample.known, ...given.known },
        fault: (file, line, message) => faults.push([file, line, message]),
        visit: (resource, config) => instances.push([resource, config]),
    });
    plan.run();
    const where = `(sample '${title}' of ${path.basename(name)})`;
    if (given.refused !== undefined) {
        if (!faults.some(([, , message]) => message.includes(given.refused))) {
            const found = faults.length ? `with "${faults[0][2]}"` : 'taken';
            report.add(name, lineOf(name, title), `the sample '${title}' should be refused with "${given.refused}", it is ${found}`);
        }
        return;
    }
    for (const [file, line, message] of faults) report.add(file, line, `${message} ${where}`);
    for (const [resource, config] of instances) {
        const fault = (message) => report.add(resource.file, resource.line, `${message} ${where}`);
        checkOpenIngress(resource, config, fault);
        if (Object.hasOwn(config, 'user_data') && config.user_data !== null) {
            checkUserData(resource, config.user_data, given.contains ?? [], programs, fault);
        }
    }
}

function lineOf(file, text) {
    return fs.readFileSync(file, 'utf8').split('\n').findIndex((line) => line.includes(JSON.stringify(text))) + 1 || 1;
}

/** User data is a script, cloud-init's, or else the configuration of rebuilder(8). */
function checkUserData(resource, value, contains, { rebuilder, shellcheck }, fault) {
    if (value === UNKNOWN) {
        fault(`the user data of '${resource.address}' can't be computed: 'known' of the sample lacks something`);
        return;
    }
    const text = resource.type === 'aws_launch_template' ? Buffer.from(value, 'base64').toString() : value;
    for (const part of contains) if (!text.includes(part)) fault(`the user data of '${resource.address}' doesn't contain ${JSON.stringify(part)}`);
    if (text.startsWith('#!')) {
        for (const message of faultsOfScript(text, shellcheck)) fault(`the user data of '${resource.address}': ${message}`);
    } else if (!text.startsWith('#cloud-config') && rebuilder) {
        const refusal = refusalOf(text, rebuilder);
        if (refusal) fault(`the user data of '${resource.address}' is refused by rebuilder: ${refusal}`);
    }
}

/** As the first boot (scripts/ami) puts an instance's devices in place of their numbers. */
function withDevices(text) {
    return text.replace(/(?<=["'])(af_packet|af_xdp|dpdk):device-(\d)(?=[,"'])/g,
        (whole, kind, number) => (kind === 'dpdk' ? `dpdk:0000:00:0${Number(number) + 5}.0` : `${kind}:ens${Number(number) + 5}`));
}

/** What `rebuilder check` says against the configuration; what the host lacks (status 1) isn't its fault. */
function refusalOf(text, rebuilder) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'terraform-check-'));
    try {
        const file = path.join(folder, 'rebuilder.toml');
        fs.writeFileSync(file, withDevices(text));
        const { status, stderr, error } = spawnSync(rebuilder, ['check', '-c', file], { encoding: 'utf8', timeout: 60000 });
        if (status === 0 || status === 1) return null;
        return (error?.message ?? stderr).trim().replaceAll(file, 'rebuilder.toml') || `status ${status}`;
    } finally {
        fs.rmSync(folder, { recursive: true });
    }
}

/** A value that a variable's validation has to refuse. */
function checkRefused({ name, sample, module, root, report }, variable, value) {
    if (!module.variables.has(variable)) {
        report.add(name, lineOf(name, variable), `the module '${sample.module}' has no variable '${variable}'`);
        return;
    }
    const faults = [];
    const plan = new Plan(module, variablesOf(sample, { [variable]: value }), {
        root: path.resolve(root),
        known: sample.known ?? {},
        fault: (file, line, message) => faults.push(message),
    });
    const item = module.variables.get(variable);
    plan.variable(variable);
    for (const block of item.body.blocks) plan.condition(item, block, plan);
    if (faults.length === 0) {
        report.add(item.file, item.line, `the variable '${variable}' takes ${JSON.stringify(value)}, which it should refuse (${path.basename(name)})`);
    }
}
