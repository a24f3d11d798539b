// SPDX-License-Identifier: Apache-2.0
// Shell scripts of the tree and those that templates make pass shellcheck.

import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';

/** What shellcheck says of a script, one line each; nothing without shellcheck. */
export function faultsOfScript(text, shellcheck) {
    if (!shellcheck) return [];
    const { stdout, status, error } = spawnSync(shellcheck, ['--format=json', '-'], { input: text, encoding: 'utf8', timeout: 60000 });
    if (error) throw error;
    if (status === 0) return [];
    return JSON.parse(stdout).map(({ line, code, message }) => `line ${line}: shellcheck SC${code}: ${message}`);
}

function isScript(file) {
    if (/\.(sh|bash)$/.test(file)) return true;
    return /^#!.*\b(ba|da)?sh\b/.test(fs.readFileSync(file, 'utf8').slice(0, 200)) && !file.endsWith('.tftpl');
}

export async function checkScripts(root, report, shellcheck) {
    for (const entry of fs.readdirSync(root, { withFileTypes: true, recursive: false })) {
        const file = path.join(root, entry.name);
        if (entry.isDirectory()) {
            if (!entry.name.startsWith('.') && entry.name !== 'node_modules') await checkScripts(file, report, shellcheck);
            continue;
        }
        if (!isScript(file)) continue;
        for (const message of faultsOfScript(fs.readFileSync(file, 'utf8'), shellcheck)) {
            const [, line, rest] = /^line (\d+): ([^]*)$/.exec(message);
            report.add(file, line, rest);
        }
    }
}
