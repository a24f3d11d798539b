#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The checker finds nothing in a good tree, and each mistake that is put into it.
//
//   checker_test.mjs REBUILDER SOLUTION [PART OF A MISTAKE'S NAME]
//
// SOLUTION is scripts/terraform; the other good tree is sample/.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from './check.mjs';
import { programs } from './programs.mjs';
import { SEEDS, SOLUTION_SEEDS } from './seeds.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
/** The tree with one substitution, in a folder of its own. */
function seeded(tree, seed, folder) {
    fs.cpSync(tree, folder, { recursive: true });
    const file = path.join(folder, seed.file);
    const text = fs.readFileSync(file, 'utf8');
    if (text.split(seed.what).length !== 2) throw new Error(`'${seed.what}' isn't once in ${seed.file}: mend the mistake in seeds.mjs`);
    fs.writeFileSync(file, text.replace(seed.what, () => seed.by));
}

/** What is wrong with the checker's answer, or null. */
async function wrongness(tree, seed, options, folder) {
    try {
        seeded(tree, seed, folder);
    } catch (error) {
        return error.message;
    }
    const { faults } = await check(folder, options);
    const place = `${path.join(folder, seed.at ?? seed.file)}:`;
    if (faults.some((fault) => fault.startsWith(place) && fault.includes(seed.says))) return null;
    const found = faults.map((fault) => fault.replace(`${folder}/`, '')).join('\n    ') || 'nothing';
    return `expected in ${seed.at ?? seed.file}:\n    ${seed.says}\n  found:\n    ${found}`;
}

async function failuresOf(tree, seeds, options, scratch) {
    let failed = 0;
    let skipped = 0;
    const { faults, modules, cases } = await check(tree, options);
    if (modules === 0 || cases === 0 || faults.length) {
        failed++;
        console.log(`${tree}: ${modules} modules, ${cases} samples; expected no faults, found:\n    ${faults.join('\n    ') || 'nothing'}`);
    }
    for (const [index, seed] of seeds.entries()) {
        if (seed.needs && !options[seed.needs]) {
            skipped++;
            continue;
        }
        const wrong = await wrongness(tree, seed, options, path.join(scratch, `${seeds.length}-${index}`));
        if (!wrong) continue;
        failed++;
        console.log(`${seed.name}: ${wrong}`);
    }
    console.log(`${tree}: ${seeds.length} mistakes, ${skipped} skipped, ${failed} failed`);
    return failed;
}

const [rebuilder, solution, part = ''] = process.argv.slice(2);
if (!solution) {
    console.error('checker_test: REBUILDER and SOLUTION are needed');
    process.exit(2);
}
const wanted = (seeds) => seeds.filter((seed) => seed.name.includes(part));
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'terraform-seeds-'));
let failed = 0;
try {
    const tools = programs(rebuilder);
    failed += await failuresOf(here('sample/tree'), wanted(SEEDS), { ...tools, samples: here('sample/values') }, scratch);
    failed += await failuresOf(solution, wanted(SOLUTION_SEEDS), { ...tools, samples: here('samples') }, scratch);
} finally {
    fs.rmSync(scratch, { recursive: true });
}
process.exit(failed ? 1 : 0);
