#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The formatter makes of cases/untidy.txt what `terraform fmt` made of it, cases/tidy.txt; and leaves that as it is. Where
// terraform is installed, it is asked itself, about these and about the files of FOLDER with their spaces changed.
//
//   format_test.mjs [FOLDER]

import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { formatted } from './checks/format.mjs';

const read = (name) => fs.readFileSync(new URL(`cases/${name}`, import.meta.url), 'utf8');

let failed = 0;
function expect(name, wanted, found) {
    if (wanted === found) return;
    failed++;
    const [left, right] = [wanted.split('\n'), found.split('\n')];
    const line = left.findIndex((text, index) => text !== right[index]);
    console.log(`${name}:${line + 1}:\n  expected ${left[line]}\n  found    ${right[line]}`);
}

expect('untidy.txt', read('tidy.txt'), formatted(read('untidy.txt')));
expect('tidy.txt', read('tidy.txt'), formatted(read('tidy.txt')));

function terraformFormat(text) {
    const { status, stdout } = spawnSync('terraform', ['fmt', '-'], { input: text, encoding: 'utf8', env: { ...process.env, TF_CLI_CONFIG_FILE: '/dev/null' } });
    return status === 0 ? stdout : null;
}

/** The same with other spaces, by a fixed rule. */
function shaken(text) {
    const changes = [
        (line) => `  ${line}`,
        (line) => line.trimStart(),
        (line) => line.replace(' = ', '='),
        (line) => line.replace(' = ', '   =  '),
        (line) => line.replaceAll(', ', ','),
        (line) => line.replace(/([([{])/, '$1 '),
        (line) => (line.trim() && !/["#]/.test(line) ? `${line} # note` : line),
        (line) => line.replace(/ (==|\?|:|&&|\+|\*) /, '$1'),
    ];
    return text.split('\n').map((line, index, { length }) => (
        line && index < length - 1 ? changes[(index * 7 + line.length) % changes.length](line) : line)).join('\n');
}

let asked = 0;
const [folder] = process.argv.slice(2);
if (folder && terraformFormat('') !== null) {
    expect('terraform and untidy.txt', read('tidy.txt'), terraformFormat(read('untidy.txt')));
    for (const name of fs.readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.tf'))) {
        const text = fs.readFileSync(path.join(folder, name), 'utf8');
        for (const version of [text, shaken(text)]) {
            const wanted = terraformFormat(version);
            if (wanted === null) continue;
            asked++;
            expect(name, wanted, formatted(version));
        }
    }
}
console.log(`${asked ? `${asked} files compared with terraform fmt` : 'not compared with terraform'}, ${failed} failed`);
process.exit(failed ? 1 : 0);
