// SPDX-License-Identifier: Apache-2.0
// A few rules of safety: nothing open to the world, IMDSv2, encrypted disks, no wild permissions.

import { constantText, walk } from '../hcl/walk.mjs';

const WORLD = ['0.0.0.0/0', '::/0'];
// Actions that can be given for all resources only, and just look.
const READ_ONLY = /^[a-z0-9-]+:(Describe|Get|List)\w*\*?$/;

export function checkSecurity(module) {
    for (const resource of module.resources.values()) {
        const { address, file, body, line } = resource;
        const fault = (at, message) => module.report.add(file, at, message);
        switch (resource.type) {
        case 'aws_vpc_security_group_ingress_rule':
            checkIngress(body, address, fault);
            break;
        case 'aws_security_group':
            for (const block of body.blocks.filter((inner) => inner.type === 'ingress')) checkIngress(block.body, address, fault);
            break;
        case 'aws_launch_template':
            checkLaunchTemplate(body, line, address, fault);
            break;
        case 'aws_iam_policy_document':
            for (const block of body.blocks.filter((inner) => inner.type === 'statement')) {
                checkStatement(module, file, block, address);
            }
            break;
        default:
        }
        if (resource.type === 'aws_iam_policy_document') continue;
        for (const attribute of body.attributes.values()) checkJsonPolicy(module, file, attribute, address);
    }
}

function textsOf(node) {
    if (!node) return [];
    return (node.kind === 'tuple' ? node.elements : [node]).map((element) => [constantText(element), element.line]);
}

function checkIngress(body, address, fault) {
    for (const name of ['cidr_ipv4', 'cidr_ipv6', 'cidr_blocks', 'ipv6_cidr_blocks']) {
        for (const [text, line] of textsOf(body.attributes.get(name)?.value)) {
            if (WORLD.includes(text)) fault(line, `'${address}' lets all the world in: ${name} ${text}`);
        }
    }
}

/** The same for a planned instance, whose addresses may come from a variable. */
export function checkOpenIngress(resource, config, fault) {
    if (resource.type !== 'aws_vpc_security_group_ingress_rule') return;
    for (const name of ['cidr_ipv4', 'cidr_ipv6']) {
        if (WORLD.includes(config[name])) fault(`'${resource.address}' lets all the world in: ${name} ${config[name]}`);
    }
}

function checkLaunchTemplate(body, line, address, fault) {
    const options = body.blocks.filter((block) => block.type === 'metadata_options');
    const tokens = options[0]?.body.attributes.get('http_tokens');
    if (constantText(tokens?.value) !== 'required') {
        fault(tokens?.line ?? line, `'${address}' doesn't require IMDSv2: metadata_options needs http_tokens = "required"`);
    }
    const disks = body.blocks.filter((block) => block.type === 'block_device_mappings');
    if (disks.length === 0) fault(line, `'${address}' doesn't say that its disk is encrypted: it has no block_device_mappings`);
    for (const disk of disks) {
        const encrypted = disk.body.blocks.find((block) => block.type === 'ebs')?.body.attributes.get('encrypted')?.value;
        if (!(encrypted?.value === true || constantText(encrypted) === 'true')) fault(disk.line, `'${address}' has a disk that isn't encrypted`);
    }
}

function isWild(action) {
    return action === '*' || /^[a-z0-9-]+:\*$/.test(action ?? '');
}

/** A comment on the line or just above says why. */
function isExplained(module, file, line) {
    const lines = module.files.find((other) => other.name === file).text.split('\n');
    return [lines[line - 1], lines[line - 2]].some((text, index) => (index === 0 ? /#|\/\// : /^\s*(#|\/\/)/).test(text ?? ''));
}

function checkPermissions(module, file, address, actions, resources) {
    for (const [action, line] of actions) {
        if (isWild(action)) module.report.add(file, line, `'${address}' permits too much: the action "${action}"`);
    }
    const isReadOnly = actions.length > 0 && actions.every(([action]) => action !== undefined && READ_ONLY.test(action));
    for (const [resource, line] of resources) {
        if (resource === '*' && !isReadOnly && !isExplained(module, file, line)) {
            module.report.add(file, line, `'${address}' permits it for all resources; name them, or say in a comment why that can't be`);
        }
    }
}

function checkStatement(module, file, { body }, address) {
    if (constantText(body.attributes.get('effect')?.value) === 'Deny') return;
    const of = (name) => textsOf(body.attributes.get(name)?.value);
    checkPermissions(module, file, address, of('actions'), of('resources'));
}

/** Policies as objects: jsonencode({ Statement = [{ Action = ..., Resource = ... }] }). */
function checkJsonPolicy(module, file, attribute, address) {
    walk(attribute.value, (node) => {
        if (node.kind !== 'object') return;
        const of = (name) => textsOf(node.items.find(({ key }) => constantText(key) === name)?.value);
        if (of('Effect').some(([text]) => text === 'Deny')) return;
        checkPermissions(module, file, address, of('Action'), of('Resource'));
    });
}
