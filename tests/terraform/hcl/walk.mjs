// SPDX-License-Identifier: Apache-2.0
// Going through a syntax tree: an expression's parts, and the names that it introduces on the way.

/** Each part of an expression with the names that are known to it: [node, names that this node introduces for it]. */
export function* childrenOf(node) {
    switch (node.kind) {
    case 'template':
        for (const part of node.parts) yield [part, []];
        return;
    case 'interpolation': case 'parentheses': case 'unary': case 'attribute':
        yield [node.of, []];
        return;
    case 'if directive':
        for (const part of [node.condition, ...node.yes, ...node.no]) yield [part, []];
        return;
    case 'for directive':
        yield [node.of, []];
        for (const part of node.body) yield [part, [node.keyName, node.valueName]];
        return;
    case 'conditional':
        for (const part of [node.condition, node.yes, node.no]) yield [part, []];
        return;
    case 'binary':
        yield [node.left, []];
        yield [node.right, []];
        return;
    case 'index':
        yield [node.of, []];
        yield [node.key, []];
        return;
    case 'splat':
        yield [node.of, []];
        yield [node.each, []];
        return;
    case 'call':
        for (const argument of node.arguments) yield [argument, []];
        return;
    case 'tuple':
        for (const element of node.elements) yield [element, []];
        return;
    case 'object':
        for (const { key, value } of node.items) {
            yield [key, []];
            yield [value, []];
        }
        return;
    case 'for':
        yield [node.of, []];
        for (const part of [node.key, node.value, node.condition]) if (part) yield [part, [node.keyName, node.valueName]];
        return;
    default:  // literal, variable, text, each of splat
    }
}

/** visit(node, names) for the node and all below; `names` are those that for expressions around introduce. */
export function walk(node, visit, names = new Set()) {
    if (visit(node, names) === 'stop') return;
    for (const [child, introduced] of childrenOf(node)) {
        walk(child, visit, introduced.length ? new Set([...names, ...introduced.filter(Boolean)]) : names);
    }
}

/** Every attribute of a body and of the blocks in it: visit(attribute, blocks around it). */
export function eachAttribute(body, visit, around = []) {
    for (const attribute of body.attributes.values()) visit(attribute, around);
    for (const block of body.blocks) eachAttribute(block.body, visit, [...around, block]);
}

/**
 * A reference as its steps: aws_lb.this[0].arn is {root: 'aws_lb', steps: [{name: 'this'}, {key: node}, {name: 'arn'}]}.
 * null if the node is none.
 */
export function referenceOf(node) {
    const steps = [];
    let at = node;
    for (;;) {
        if (at.kind === 'attribute') steps.unshift({ name: at.name, line: at.line });
        else if (at.kind === 'index') steps.unshift({ key: at.key, line: at.line });
        else if (at.kind === 'splat') {
            // The rest hangs on `each`; it is of the same reference.
            const rest = [];
            for (let each = at.each; each && each.kind !== 'each of splat'; each = each.of) {
                if (each.kind === 'attribute') rest.unshift({ name: each.name, line: each.line });
                else if (each.kind === 'index') rest.unshift({ key: each.key, line: each.line });
                else break;
            }
            steps.unshift({ splat: true, line: at.line }, ...rest);
        } else break;
        at = at.of;
    }
    return at.kind === 'variable' ? { root: at.name, line: at.line, steps } : null;
}

/** The text of a template without sequences, else undefined. */
export function constantText(node) {
    if (node?.kind !== 'template' || node.parts.some((part) => part.kind !== 'text')) return undefined;
    return node.parts.map((part) => part.value).join('');
}
