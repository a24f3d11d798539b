// SPDX-License-Identifier: Apache-2.0
// The layout that `terraform fmt` makes: it moves no line, it sets the spaces at the start of a line, between tokens, before
// the `=` of neighbours and before their comments.

import { SyntaxFault, tokensOf } from '../hcl/lexer.mjs';

const OPENS = new Set(['{', '[', '(']);
const CLOSES = new Set(['}', ']', ')']);
const BEFORE_NEGATION = new Set([
    '(', '{', '[', '=', ':', ',', '?', '+', '-', '*', '/', '%', '==', '!=', '>', '>=', '<', '<=', '&&', '||', '!', '=>',
]);

function isOperator(token, ...texts) {
    return token?.type === 'operator' && texts.includes(token.text);
}

/** +1 opens a bracket, -1 closes one. */
function bracketChange(token) {
    if (token.type === 'interpolation' || token.type === 'directive') return 1;
    if (token.type === 'sequence end') return -1;
    if (token.type !== 'operator') return 0;
    return OPENS.has(token.text) ? 1 : CLOSES.has(token.text) ? -1 : 0;
}

function bracketsOf(tokens) {
    return tokens.reduce((sum, token) => sum + bracketChange(token), 0);
}

function isOfTemplate(token, ...more) {
    return token.type.endsWith('literal') || more.includes(token.type);
}

/** Whether a space stands between two tokens of a line. */
function isSpaced(before, token, after) {
    if (token.type === 'identifier' && isOperator(after, '(', '::')) return false;
    if (isOperator(token, '.', '::') || isOperator(after, '.')) return false;
    if (isOperator(after, ',', '...')) return false;
    if (isOperator(token, ',')) return true;
    if (isOfTemplate(token, 'quote', 'heredoc') || isOfTemplate(after, 'quote end', 'heredoc end')) return false;
    if (token.type === 'identifier' && token.text === 'in' && before?.type === 'identifier') return true;
    if (isOperator(after, '[') && (['identifier', 'number'].includes(token.type) || bracketChange(token) < 0)) return false;
    if (isOperator(token, '!')) return false;
    if (isOperator(token, '-')) return !(before === undefined || (before.type === 'operator' && BEFORE_NEGATION.has(before.text)));
    if (isOperator(token, '{') || isOperator(after, '}')) return !(isOperator(token, '{') && isOperator(after, '}'));
    if (['interpolation', 'directive'].includes(token.type) && isOperator(after, '{')) return true;
    if (isOperator(token, '}') && after.type === 'sequence end') return true;
    if (token.type === 'sequence end' && ['interpolation', 'directive'].includes(after.type)) return false;
    return bracketChange(token) <= 0 && bracketChange(after) >= 0;
}

/** Lines of tokens as {lead, assign, comment}: a heredoc is one line, an assignment is apart if it ends where it begins. */
function linesOf(tokens) {
    const lines = [];
    let line = [];
    for (const token of tokens) {
        if (token.type === 'newline' || token.type === 'end') {
            lines.push(line);
            line = [];
        } else {
            line.push(token);
        }
    }
    return lines.map((all) => {
        const parts = { first: all[0], lead: all, assign: [], comment: null };
        if (all.length > 1 && all.at(-1).type === 'comment') {
            parts.comment = all.at(-1);
            parts.lead = all.slice(0, -1);
        }
        const equals = parts.lead.findIndex((token, index) => index > 0 && isOperator(token, '='));
        if (equals > 0 && bracketsOf(parts.lead.slice(equals)) === 0) {
            parts.assign = parts.lead.slice(equals);
            parts.lead = parts.lead.slice(0, equals);
        }
        return parts;
    });
}

function textOf(tokens) {
    let text = '';
    tokens.forEach((token, index) => {
        const previous = tokens[index - 1];
        const beforePrevious = index > 1 ? tokens[index - 2] : undefined;
        if (index > 0 && isSpaced(beforePrevious, previous, token)) text += ' ';
        text += token.text;
    });
    return text;
}

function columns(text) {
    return [...text].length;
}

/** Spaces after the texts of neighbouring lines, so that what follows starts in one column. */
function align(lines, isMember, textBefore, set) {
    let chain = [];
    const close = () => {
        const widest = Math.max(...chain.map((line) => columns(textBefore(line))));
        for (const line of chain) set(line, ' '.repeat(widest - columns(textBefore(line)) + 1));
        chain = [];
    };
    for (const line of lines) {
        if (isMember(line)) chain.push(line);
        else if (chain.length) close();
    }
    if (chain.length) close();
}

function indent(lines) {
    const openers = [];
    for (const line of lines) {
        if (!line.first) continue;
        const change = bracketsOf([...line.lead, ...line.assign]);
        for (let closed = -change; closed > 0 && openers.length;) {
            const last = openers.pop();
            if (closed < last) openers.push(last - closed);
            closed -= last;
        }
        line.indentation = '  '.repeat(openers.length);
        if (change > 0) openers.push(change);
    }
}

/** The text as `terraform fmt` lays it out. */
export function formatted(text) {
    const lines = linesOf(tokensOf(text));
    indent(lines);
    for (const line of lines) {
        line.leadText = line.first ? line.indentation + textOf(line.lead) : '';
        line.assignText = line.assign.length ? textOf(line.assign) : '';
        line.gap = '';
    }
    align(lines, (line) => line.assign.length > 0, (line) => line.leadText, (line, spaces) => { line.gap = spaces; });
    const code = (line) => line.leadText + line.gap + line.assignText;
    align(lines, (line) => line.comment !== null, code, (line, spaces) => { line.commentGap = spaces; });
    return lines.map((line) => code(line) + (line.comment ? line.commentGap + line.comment.text.trimEnd() : '')).join('\n');
}

export function checkFormat({ name, text }, report) {
    let wanted;
    try {
        wanted = formatted(text).split('\n');
    } catch (fault) {
        if (!(fault instanceof SyntaxFault)) throw fault;
        return;  // said by the parser already
    }
    const lines = text.split('\n');
    lines.forEach((line, index) => {
        if (line.includes('\t')) report.add(name, index + 1, 'a tab; two spaces are one level');
        else if (line.endsWith(' ') && wanted[index] !== line) report.add(name, index + 1, 'spaces at the end of the line');
        else if (wanted[index] !== line) {
            const spaces = /^ */.exec(wanted[index])[0].length;
            report.add(name, index + 1, `not as terraform fmt writes it: '${wanted[index].trim()}', after ${spaces} spaces`);
        }
    });
    if (!text.endsWith('\n')) report.add(name, lines.length, 'the last line has no end');
    else if (/\n\n$/.test(text)) report.add(name, lines.length, 'empty lines at the end of the file');
}
