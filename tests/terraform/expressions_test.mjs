#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The evaluator computes what Terraform does: cases/expressions.txt has what Terraform said. And what can't be computed is
// a fault with the reason, what is unknown stays so.

import fs from 'node:fs';
import { evaluate } from './hcl/evaluate.mjs';
import { FUNCTIONS, TERRAFORM_FUNCTIONS } from './hcl/functions.mjs';
import { parseExpression } from './hcl/parser.mjs';
import { UNKNOWN, ValueFault } from './hcl/values.mjs';

const CASES = new URL('cases/', import.meta.url);
const ELSEWHERE = ['can', 'templatefile', 'try'];

const scope = {
    get(name) {
        if (name === 'unknown_thing') return UNKNOWN;
        throw new ValueFault(`'${name}' isn't known`);
    },
    readFile: (file) => fs.readFileSync(new URL(file, CASES)),
};

const FAULTS = {
    '[1][1]': 'there is no element 1',
    '{ a = 1 }.b': 'there is no \'b\'',
    '"x" + 1': '"x" where a number is needed',
    '"a${null}"': 'null where a string is needed',
    '"a${[1]}"': 'a list where a string is needed',
    'null ? 1 : 2': 'null where a bool is needed',
    'null || length(null) > 1': 'null where a map is needed',
    '1 / 0': 'a division by zero',
    'toset(["a"])[0]': 'a set has no elements',
    '{ for x in ["a", "a"] : x => 1 }': 'comes twice',
    'regex("x", "abc")': 'doesn\'t match',
    'cidrhost("10.0.0.0/24", 256)': 'has no address number 256',
    'lookup({}, "a")': 'has no \'a\'',
    'nofunction(1)': 'there is no function \'nofunction\'',
    'yamlencode({})': 'doesn\'t know how to compute',
    'format("%s")': 'not enough arguments',
    'format("%s", 1, 2)': 'too many arguments',
    'templatefile("template.tftpl", { title = "T" })': 'the template template.tftpl:2 uses \'list\'',
    'something': '\'something\' isn\'t known',
};

const UNKNOWNS = [
    'unknown_thing', '"a${unknown_thing}"', 'unknown_thing.a[0]', 'unknown_thing ? 1 : 2', '[for x in unknown_thing : x]',
    'join(",", [unknown_thing])', 'unknown_thing + 1', 'unknown_thing && true', 'try(unknown_thing.x, 1)',
];

let failed = 0;
function expect(expression, wanted, found) {
    if (wanted === found) return;
    failed++;
    console.log(`${expression}\n  expected ${wanted}\n  found    ${found}`);
}

const lines = fs.readFileSync(new URL('expressions.txt', CASES), 'utf8').trimEnd().split('\n').filter((line) => !line.startsWith('#'));
const covered = new Set();
for (let at = 0; at < lines.length; at += 2) {
    let found;
    try {
        found = FUNCTIONS.jsonencode(evaluate(parseExpression(lines[at]), scope));
    } catch (fault) {
        if (!(fault instanceof ValueFault)) throw fault;
        found = `a fault: ${fault.message}`;
    }
    expect(lines[at], lines[at + 1].trim(), found);
    for (const [, name] of lines[at].matchAll(/\b([a-z0-9]+)\(/g)) covered.add(name);
}
for (const [expression, wanted] of Object.entries(FAULTS)) {
    let found = 'a value';
    try {
        evaluate(parseExpression(expression), scope);
    } catch (fault) {
        if (!(fault instanceof ValueFault)) throw fault;
        found = fault.message.includes(wanted) ? wanted : fault.message;
    }
    expect(expression, wanted, found);
}
for (const expression of UNKNOWNS) expect(expression, UNKNOWN.toString(), String(evaluate(parseExpression(expression), scope)));
expect('unknown_thing && false', false, evaluate(parseExpression('unknown_thing && false'), scope));
expect('length([unknown_thing])', 1, evaluate(parseExpression('length([unknown_thing])'), scope));

// Files are read in the templates' case, the rest has no value of its own to compare.
const UNCOVERED = ['file', 'filebase64', 'filebase64sha256', 'filemd5', 'filesha256', 'jsonencode', 'nonsensitive', 'sensitive'];
for (const name of [...Object.keys(FUNCTIONS), ...ELSEWHERE]) {
    if (!TERRAFORM_FUNCTIONS.has(name)) expect(name, 'a function of Terraform', 'none');
    if (!covered.has(name) && !UNCOVERED.includes(name)) expect(name, 'a case in cases/expressions.txt', 'none');
}
console.log(`${lines.length / 2} expressions, ${Object.keys(FAULTS).length} faults, ${failed} failed`);
process.exit(failed ? 1 : 0);
