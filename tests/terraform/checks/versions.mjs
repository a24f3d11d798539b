// SPDX-License-Identifier: Apache-2.0
// Whether a module and those that it calls can agree on a version of each provider.

import { constantText } from '../hcl/walk.mjs';

const OPERATORS = {
    '=': (order) => order === 0,
    '!=': (order) => order !== 0,
    '>': (order) => order > 0,
    '>=': (order) => order >= 0,
    '<': (order) => order < 0,
    '<=': (order) => order <= 0,
};

const numbersOf = (text) => text.split('.').map(Number);

function compare(left, right) {
    for (let at = 0; at < 3; at++) {
        const difference = (left[at] ?? 0) - (right[at] ?? 0);
        if (difference) return Math.sign(difference);
    }
    return 0;
}

/** ">= 5.0, < 6.0" as functions of a version; null if it is no constraint. "~> 5.1" lets the last number grow. */
export function readConstraint(text) {
    const bounds = [];
    for (const part of text.split(',')) {
        const [, operator = '=', version] = /^\s*(=|!=|>=?|<=?|~>)?\s*(\d+(?:\.\d+){0,2})\s*$/.exec(part) ?? [];
        if (!version) return null;
        const numbers = numbersOf(version);
        if (operator === '~>') {
            const above = numbers.slice(0, -1);
            if (above.length === 0) return null;
            above[above.length - 1]++;
            bounds.push({ at: numbers, holds: OPERATORS['>='] }, { at: above, holds: OPERATORS['<'] });
        } else {
            bounds.push({ at: numbers, holds: OPERATORS[operator] });
        }
    }
    return bounds;
}

/** If any version fits, one at a bound or just above it does. */
export function canAgree(constraints) {
    const bounds = constraints.flat();
    const candidates = bounds.flatMap(({ at }) => [at, [at[0], at[1] ?? 0, (at[2] ?? 0) + 1]]);
    return [[0, 0, 0], ...candidates].some((version) => bounds.every(({ at, holds }) => holds(compare(version, at))));
}

/** What a module and all below it ask of providers: [name, constraint, who, file, line] each. */
function requirementsOf(module, who, seen = new Set()) {
    if (seen.has(module)) return [];
    seen.add(module);
    if (module.isForeign) return Object.entries(module.providers).map(([name, text]) => ({ name, text, who }));
    const own = module.terraform.flatMap(({ file, body }) => body.blocks
        .filter((block) => block.type === 'required_providers')
        .flatMap((block) => [...block.body.attributes.values()].map(({ name, value, line }) => {
            const version = value.kind === 'object' ? value.items.find(({ key }) => constantText(key) === 'version') : undefined;
            return { name, text: version && constantText(version.value), who, file, line };
        })));
    const below = [...module.calls.values()].filter((call) => call.called)
        .flatMap((call) => requirementsOf(call.called, `the module '${call.name}'`, seen));
    return [...own, ...below];
}

/** Needs the calls' modules, which checkCalls() finds. */
export function checkProviderVersions(module) {
    const byName = new Map();
    for (const requirement of requirementsOf(module, 'here')) {
        if (typeof requirement.text !== 'string') continue;
        const bounds = readConstraint(requirement.text);
        if (!bounds) {
            if (requirement.who === 'here') module.report.add(requirement.file, requirement.line, `'${requirement.text}' is no constraint of versions`);
            continue;
        }
        byName.set(requirement.name, [...byName.get(requirement.name) ?? [], { ...requirement, bounds }]);
    }
    for (const [name, requirements] of byName) {
        const own = requirements.find(({ who }) => who === 'here');
        if (own && !canAgree(requirements.map(({ bounds }) => bounds))) {
            const all = requirements.map(({ text, who }) => `${text} (${who})`).join('; ');
            module.report.add(own.file, own.line, `no version of the provider '${name}' is ${all}`);
        }
    }
}
