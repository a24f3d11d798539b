// SPDX-License-Identifier: Apache-2.0
// What Terraform's own parser (compiled in @cdktf/hcl2json) says of a file, and that ours understands the same.

import { createRequire } from 'node:module';
import { SyntaxFault } from '../hcl/lexer.mjs';
import { constantText } from '../hcl/walk.mjs';

const { parse } = await load();

async function load() {
    try {
        return createRequire(import.meta.url)('@cdktf/hcl2json');
    } catch (error) {
        if (error.code !== 'MODULE_NOT_FOUND') throw error;
        console.error('check: @cdktf/hcl2json isn\'t installed, scripts/deps does it');
        return process.exit(77);
    }
}

/** Throws SyntaxFault with Terraform's own words. */
export async function compareWithJudge(name, text, body) {
    let judged;
    try {
        judged = await parse(name, text);
    } catch (error) {
        const [, line, message] = /:(\d+),[^:]*: ([^]*)$/.exec(error.message) ?? [null, 1, error.message];
        throw new SyntaxFault(message.trim(), Number(line));
    }
    const difference = compareBodies(judged, body, []);
    if (difference) throw new SyntaxFault(`tests/terraform/hcl/parser.mjs reads this file differently: ${difference}`, 1);
}

/** Where two readings differ, or undefined. The judge has blocks as lists under their types and labels. */
function compareBodies(judged, body, place) {
    const names = new Set([...body.attributes.keys(), ...body.blocks.map((block) => block.type)]);
    for (const name of Object.keys(judged)) if (!names.has(name)) return `${[...place, name].join('.')} isn't read`;
    for (const attribute of body.attributes.values()) {
        const ours = constantOf(attribute.value);
        const theirs = judged[attribute.name];
        if (theirs === undefined) return `${[...place, attribute.name].join('.')} isn't there`;
        if (ours !== undefined && ours !== theirs) return `${[...place, attribute.name].join('.')} is ${JSON.stringify(theirs)}`;
    }
    const counts = new Map();
    for (const block of body.blocks) {
        const path = [block.type, ...block.labels];
        const found = path.reduce((at, step) => at?.[step], judged);
        const count = counts.get(path.join('\0')) ?? 0;
        counts.set(path.join('\0'), count + 1);
        if (!Array.isArray(found) || !found[count]) return `${[...place, ...path].join('.')} isn't there`;
        const difference = compareBodies(found[count], block.body, [...place, ...path]);
        if (difference) return difference;
    }
    return undefined;
}

function constantOf(node) {
    if (node.kind === 'literal') return node.value;
    const text = constantText(node);
    // The judge keeps $${ as it is written.
    return text === undefined || /[$%]\{/.test(text) ? undefined : text;
}
