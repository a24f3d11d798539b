// SPDX-License-Identifier: Apache-2.0
// The programs that the tests call, where they are found.

import { spawnSync } from 'node:child_process';

export function programs(rebuilder) {
    const has = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
    if (rebuilder && !has(rebuilder)) throw new Error(`${rebuilder} can't be run`);
    const shellcheck = has('shellcheck') ? 'shellcheck' : undefined;
    if (!shellcheck) console.log('shellcheck isn\'t installed: scripts aren\'t checked');
    return { rebuilder, shellcheck };
}
