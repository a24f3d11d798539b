// SPDX-License-Identifier: Apache-2.0
// A syntax tree of HCL's native syntax, with the line of every node.
//
// A body is {attributes: Map name -> {name, line, value}, blocks: [{type, labels, line, body}]}; a node of an expression
// is {kind, line, ...}, see the functions that make them. `@cdktf/hcl2json` is the judge of what is valid; this one
// keeps what that loses: lines, blocks as against lists of objects, strip markers, parts of templates.

import { SyntaxFault, templateTokensOf, tokensOf } from './lexer.mjs';

const ESCAPES = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };
const PRECEDENCE = [['||'], ['&&'], ['==', '!='], ['<', '>', '<=', '>='], ['+', '-'], ['*', '/', '%']];

class Parser {
    constructor(tokens) {
        this.tokens = tokens;
        this.at = 0;
        this.flat = 0;  // > 0: inside parentheses or brackets, where a newline is a space
    }

    peek() {
        let at = this.at;
        while (this.skipped(this.tokens[at])) at++;
        this.at = at;
        return this.tokens[at];
    }

    skipped({ type }) {
        return type === 'comment' || type === 'inline comment' || (this.flat > 0 && type === 'newline');
    }

    next() {
        const token = this.peek();
        this.at++;
        return token;
    }

    is(text) {
        const token = this.peek();
        return (token.type === 'operator' || token.type === 'identifier') && token.text === text;
    }

    accept(text) {
        return this.is(text) ? this.next() : null;
    }

    fault(expected, token = this.peek()) {
        const found = token.type === 'end' ? 'the file\'s end' : token.type === 'newline' ? 'the line\'s end' : `'${token.text}'`;
        return new SyntaxFault(`${expected} expected, ${found} found`, token.line);
    }

    expect(text) {
        const token = this.accept(text);
        if (!token) throw this.fault(`'${text}'`);
        return token;
    }

    expectIdentifier() {
        if (this.peek().type !== 'identifier') throw this.fault('a name');
        return this.next();
    }

    /** With newlines as spaces (1) or as tokens (0), whatever is around. */
    within(flat, parse) {
        const before = this.flat;
        this.flat = flat;
        const result = parse();
        this.flat = before;
        return result;
    }

    skipNewlines() {
        while (this.peek().type === 'newline') this.at++;
    }

    body(isOver) {
        const body = { attributes: new Map(), blocks: [] };
        for (this.skipNewlines(); !isOver(this.peek()); this.skipNewlines()) {
            const name = this.expectIdentifier();
            if (this.accept('=')) {
                const value = this.expression();
                if (body.attributes.has(name.text)) {
                    throw new SyntaxFault(`'${name.text}' is set twice in one block`, name.line);
                }
                body.attributes.set(name.text, { name: name.text, line: name.line, value });
            } else {
                body.blocks.push(this.block(name));
            }
            const { type } = this.peek();
            if (type !== 'newline' && type !== 'end' && !isOver(this.peek())) throw this.fault('the line\'s end');
        }
        return body;
    }

    block(name) {
        const labels = [];
        while (!this.is('{')) {
            if (this.peek().type === 'quote') labels.push(this.quotedText());
            else labels.push(this.expectIdentifier().text);
        }
        this.expect('{');
        const body = this.within(0, () => this.body((token) => token.type === 'operator' && token.text === '}'));
        const end = this.expect('}');
        return { type: name.text, labels, line: name.line, endLine: end.line, body };
    }

    quotedText() {
        const node = this.quoted();
        if (node.kind !== 'template' || node.parts.some((part) => part.kind !== 'text')) {
            throw new SyntaxFault('a label can\'t hold a template', node.line);
        }
        return node.parts.map((part) => part.value).join('');
    }

    expression() {
        const condition = this.binary(0);
        if (!this.accept('?')) return condition;
        const yes = this.expression();
        this.expect(':');
        return { kind: 'conditional', line: condition.line, condition, yes, no: this.expression() };
    }

    binary(level) {
        if (level === PRECEDENCE.length) return this.unary();
        let left = this.binary(level + 1);
        for (;;) {
            const token = this.peek();
            if (token.type !== 'operator' || !PRECEDENCE[level].includes(token.text)) return left;
            this.next();
            left = { kind: 'binary', line: left.line, operator: token.text, left, right: this.binary(level + 1) };
        }
    }

    unary() {
        const token = this.accept('-') ?? this.accept('!');
        if (token) return { kind: 'unary', line: token.line, operator: token.text, of: this.unary() };
        return this.postfix(this.primary());
    }

    postfix(node) {
        for (;;) {
            if (this.is('[')) {
                node = this.bracket(node);
            } else if (this.is('.')) {
                node = this.dot(node);
            } else {
                return node;
            }
        }
    }

    bracket(of) {
        const { line } = this.expect('[');
        return this.within(1, () => {
            if (this.accept('*')) {
                this.flat = 0;
                this.expect(']');
                return { kind: 'splat', line, of, each: this.splatted() };
            }
            const key = this.expression();
            this.closeBracket();
            return { kind: 'index', line, of, key };
        });
    }

    closeBracket() {
        if (!this.is(']')) throw this.fault('\']\'');
        this.at++;
    }

    dot(of) {
        const { line } = this.expect('.');
        if (this.accept('*')) {
            let each = { kind: 'each of splat', line };
            while (this.is('.')) each = this.dot(each);
            return { kind: 'splat', line, of, each };
        }
        const token = this.next();
        if (token.type === 'number') {
            // a.0.1 comes as one number, 0.1
            return token.text.split('.').reduce((inner, digits) => (
                { kind: 'index', line, of: inner, key: { kind: 'literal', line, value: Number(digits) } }), of);
        }
        if (token.type !== 'identifier') throw this.fault('a name', token);
        return { kind: 'attribute', line, of, name: token.text };
    }

    /** What follows [*] applies to each element. */
    splatted() {
        return this.postfix({ kind: 'each of splat', line: this.peek().line });
    }

    primary() {
        const token = this.peek();
        const { line } = token;
        switch (token.type) {
        case 'number':
            this.next();
            return { kind: 'literal', line, value: Number(token.text), text: token.text };
        case 'quote':
            return this.quoted();
        case 'heredoc':
            return this.heredoc();
        case 'identifier':
            return this.named();
        default:
        }
        if (this.accept('(')) {
            const of = this.within(1, () => this.expression());
            this.within(1, () => this.is(')'));
            this.expect(')');
            return { kind: 'parentheses', line, of };
        }
        if (this.is('[')) return this.tuple();
        if (this.is('{')) return this.object();
        throw this.fault('an expression');
    }

    named() {
        const token = this.next();
        const { line } = token;
        let name = token.text;
        if (['true', 'false', 'null'].includes(name)) {
            return { kind: 'literal', line, value: { true: true, false: false, null: null }[name] };
        }
        while (this.accept('::')) name += `::${this.expectIdentifier().text}`;
        if (!this.is('(')) return { kind: 'variable', line, name };
        this.expect('(');
        const call = { kind: 'call', line, name, arguments: [], expanded: false };
        this.within(1, () => {
            while (!this.is(')')) {
                call.arguments.push(this.expression());
                if (this.accept('...')) call.expanded = true;
                else if (this.accept(',')) continue;
                if (!this.is(')')) throw this.fault('\',\' or \')\'');
            }
        });
        this.expect(')');
        return call;
    }

    tuple() {
        const { line } = this.expect('[');
        const node = this.within(1, () => {
            if (this.is('for')) return this.forExpression(line, ']');
            const elements = [];
            while (!this.is(']')) {
                elements.push(this.expression());
                if (!this.accept(',') && !this.is(']')) throw this.fault('\',\' or \']\'');
            }
            return { kind: 'tuple', line, elements };
        });
        this.expect(']');
        return node;
    }

    object() {
        const { line } = this.expect('{');
        if (this.within(1, () => this.is('for'))) {
            const node = this.within(1, () => this.forExpression(line, '}'));
            this.expect('}');
            return node;
        }
        const items = this.within(0, () => {
            const found = [];
            for (this.skipNewlines(); !this.is('}'); this.skipNewlines()) {
                found.push(this.objectItem());
                if (!this.accept(',') && this.peek().type !== 'newline' && !this.is('}')) {
                    throw this.fault('\',\', a new line or \'}\'');
                }
            }
            return found;
        });
        this.expect('}');
        return { kind: 'object', line, items };
    }

    objectItem() {
        let key = this.expression();
        // A bare name is the key itself; (name) is what it stands for.
        if (key.kind === 'variable') key = { kind: 'template', line: key.line, parts: [{ kind: 'text', value: key.name }], bare: true };
        if (!this.accept('=') && !this.accept(':')) throw this.fault('\'=\'');
        return { key, value: this.expression() };
    }

    forExpression(line, close) {
        this.expect('for');
        const node = { kind: 'for', line, ...this.forNames(), isObject: close === '}' };
        this.expect(':');
        node.value = this.expression();
        if (node.isObject) {
            this.expect('=>');
            node.key = node.value;
            node.value = this.expression();
            node.grouped = Boolean(this.accept('...'));
        }
        if (this.accept('if')) node.condition = this.expression();
        if (!this.is(close)) throw this.fault(`'${close}'`);
        return node;
    }

    forNames() {
        const names = [this.expectIdentifier().text];
        if (this.accept(',')) names.push(this.expectIdentifier().text);
        this.expect('in');
        return { keyName: names.length === 2 ? names[0] : null, valueName: names.at(-1), of: this.expression() };
    }

    quoted() {
        const { line } = this.next();
        const pieces = this.pieces('quote end');
        this.at++;
        return templateNode(line, pieces);
    }

    heredoc() {
        const open = this.next();
        const pieces = this.pieces('heredoc end');
        this.at++;
        if (open.flush) flushLeft(pieces);
        return { ...templateNode(open.line, pieces), heredoc: true };
    }

    /** The literals and sequences up to the end token, strip markers applied. */
    pieces(end) {
        const pieces = [];
        let strip = false;
        for (let token = this.tokens[this.at]; token.type !== end; token = this.tokens[this.at]) {
            if (token.type.endsWith('literal')) {
                this.at++;
                let value = token.type === 'literal' ? unescapeSequences(token.text) : unescape(token);
                if (strip) value = value.trimStart();
                pieces.push({ kind: 'text', line: token.line, value });
                strip = false;
                continue;
            }
            if (token.text.endsWith('~') && pieces.at(-1)?.kind === 'text') {
                pieces.at(-1).value = pieces.at(-1).value.trimEnd();
            }
            this.at++;
            pieces.push(this.within(1, () => this.sequence(token)));
            const close = this.peek();
            if (close.type !== 'sequence end') throw this.fault('\'}\'');
            this.at++;
            strip = close.text === '~}';
        }
        return pieces;
    }

    sequence({ type, line }) {
        if (type === 'interpolation') return { kind: 'interpolation', line, of: this.expression() };
        const word = this.expectIdentifier().text;
        switch (word) {
        case 'if': return { kind: 'if directive', line, condition: this.expression() };
        case 'for': return { kind: 'for directive', line, ...this.forNames() };
        case 'else': case 'endif': case 'endfor': return { kind: word, line };
        default: throw new SyntaxFault(`'${word}' is no directive of a template`, line);
        }
    }
}

function unescapeSequences(text) {
    return text.replace(/\$\$\{/g, '${').replace(/%%\{/g, '%{');
}

function unescape({ text, line }) {
    return unescapeSequences(text).replace(/\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^])/g, (whole, code) => {
        if (code.length > 1) return String.fromCodePoint(parseInt(code.slice(1), 16));
        if (!(code in ESCAPES)) throw new SyntaxFault(`'${whole}' is no escape sequence`, line);
        return ESCAPES[code];
    });
}

/** <<- takes the least indentation of a line from all of them. */
function flushLeft(pieces) {
    let starts = true;
    const lines = [];
    for (const piece of pieces) {
        if (starts) lines.push(piece);
        starts = piece.kind === 'text' && piece.value.endsWith('\n');
    }
    const isBlank = (piece) => piece.kind === 'text' && piece.value.trim() === '' && piece.value.endsWith('\n');
    const indentations = lines.filter((piece) => !isBlank(piece))
        .map((piece) => (piece.kind === 'text' ? piece.value.match(/^[ \t]*/)[0].length : 0));
    const least = Math.min(...indentations);
    for (const piece of lines) {
        if (piece.kind === 'text') piece.value = piece.value.replace(/^[ \t]*/, (spaces) => spaces.slice(least));
    }
}

/** Folds directives and what is between them into a tree. */
function nested(pieces, open, ends) {
    const parts = [];
    while (pieces.length) {
        const piece = pieces.shift();
        if (ends.includes(piece.kind)) return { parts, end: piece.kind };
        if (piece.kind === 'if directive') {
            const yes = nested(pieces, piece, ['else', 'endif']);
            const no = yes.end === 'else' ? nested(pieces, piece, ['endif']) : { parts: [] };
            parts.push({ ...piece, yes: yes.parts, no: no.parts });
        } else if (piece.kind === 'for directive') {
            parts.push({ ...piece, body: nested(pieces, piece, ['endfor']).parts });
        } else if (['else', 'endif', 'endfor'].includes(piece.kind)) {
            throw new SyntaxFault(`the directive %{ ${piece.kind} } has no beginning`, piece.line);
        } else {
            parts.push(piece);
        }
    }
    if (open) throw new SyntaxFault(`the directive %{ ${open.kind.split(' ')[0]} ... } isn't closed`, open.line);
    return { parts };
}

function templateNode(line, pieces) {
    return { kind: 'template', line, parts: nested(pieces, null, []).parts };
}

/** The body of a .tf file. Throws SyntaxFault. */
export function parseFile(text) {
    return new Parser(tokensOf(text)).body(({ type }) => type === 'end');
}

/** The template node of a template file. Throws SyntaxFault. */
export function parseTemplate(text) {
    return templateNode(1, new Parser(templateTokensOf(text)).pieces('end'));
}

/** The node of one expression, for tests. */
export function parseExpression(text) {
    const parser = new Parser(tokensOf(text));
    parser.flat = 1;
    const node = parser.expression();
    if (parser.peek().type !== 'end') throw parser.fault('the end');
    return node;
}
