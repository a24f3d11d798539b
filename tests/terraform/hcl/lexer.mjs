// SPDX-License-Identifier: Apache-2.0
// The tokens of HCL's native syntax, each with its place: what the parser and the formatter both work on.
//
// Templates are modes inside modes: a quoted string or a heredoc holds literals and sequences, a sequence holds tokens
// again. Literals of heredocs and of template files end at each line's end, because strip markers work on these pieces.

export class SyntaxFault extends Error {
    constructor(message, line) {
        super(message);
        this.line = line;
    }
}

const IDENTIFIER = /[\p{ID_Start}_][\p{ID_Continue}-]*/uy;
const NUMBER = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const OPERATOR = /\.\.\.|==|!=|>=|<=|&&|\|\||=>|::|[{}[\]().,=:?+\-*/%<>!]/y;
const HEREDOC = /<<(-?)([\p{ID_Start}_][\p{ID_Continue}-]*)\r?\n/uy;

class Lexer {
    constructor(text) {
        this.text = text;
        this.at = 0;
        this.line = 1;
        this.tokens = [];
    }

    push(type, end, more = {}) {
        const text = this.text.slice(this.at, end);
        this.tokens.push({ type, text, start: this.at, end, line: this.line, ...more });
        for (const c of text) if (c === '\n') this.line++;
        this.at = end;
    }

    match(pattern) {
        pattern.lastIndex = this.at;
        return pattern.exec(this.text);
    }

    /** Ordinary tokens, to the end of the text or to the brace that closes a template's sequence. */
    code(insideSequence) {
        let depth = 0;
        while (this.at < this.text.length) {
            const c = this.text[this.at];
            let found;
            if (c === ' ' || c === '\t' || c === '\r') {
                this.at++;
            } else if (c === '\n') {
                this.push('newline', this.at + 1);
            } else if (c === '#' || this.text.startsWith('//', this.at)) {
                const end = this.text.indexOf('\n', this.at);
                this.push('comment', end < 0 ? this.text.length : end);
            } else if (this.text.startsWith('/*', this.at)) {
                const end = this.text.indexOf('*/', this.at);
                if (end < 0) throw new SyntaxFault('a comment /* isn\'t closed', this.line);
                this.push('inline comment', end + 2);
            } else if (c === '"') {
                this.quoted();
            } else if ((found = this.match(HEREDOC))) {
                this.heredoc(found);
            } else if ((found = this.match(IDENTIFIER))) {
                this.push('identifier', this.at + found[0].length);
            } else if ((found = this.match(NUMBER))) {
                this.push('number', this.at + found[0].length);
            } else if (insideSequence && depth === 0 && (c === '}' || this.text.startsWith('~}', this.at))) {
                this.push('sequence end', this.at + (c === '~' ? 2 : 1));
                return;
            } else if ((found = this.match(OPERATOR))) {
                if (c === '{') depth++;
                if (c === '}') depth--;
                this.push('operator', this.at + found[0].length);
            } else {
                throw new SyntaxFault(`the character '${c}' can't be here`, this.line);
            }
        }
        if (insideSequence) throw new SyntaxFault('a template\'s sequence ${ or %{ isn\'t closed', this.line);
    }

    /** One sequence ${...} or %{...} that starts here. */
    sequence() {
        const strip = this.text[this.at + 2] === '~';
        const kind = this.text[this.at] === '$' ? 'interpolation' : 'directive';
        this.push(kind, this.at + (strip ? 3 : 2));
        this.code(true);
    }

    quoted() {
        this.push('quote', this.at + 1);
        for (;;) {
            let end = this.at;
            while (end < this.text.length && !'"\n'.includes(this.text[end]) && !this.startsSequence(end)) {
                end += this.text[end] === '\\' ? 2 : this.isEscapedSequence(end) ? 3 : 1;
            }
            if (end > this.at) this.push('quoted literal', Math.min(end, this.text.length));
            if (this.text[this.at] === '"') {
                this.push('quote end', this.at + 1);
                return;
            }
            if (this.at >= this.text.length || this.text[this.at] === '\n') {
                throw new SyntaxFault('a quoted string isn\'t closed in its line', this.line);
            }
            this.sequence();
        }
    }

    startsSequence(at) {
        return (this.text[at] === '$' || this.text[at] === '%') && this.text[at + 1] === '{';
    }

    isEscapedSequence(at) {
        const c = this.text[at];
        return (c === '$' || c === '%') && this.text[at + 1] === c && this.text[at + 2] === '{';
    }

    heredoc(found) {
        const line = this.line;
        this.push('heredoc', this.at + found[0].length, { flush: found[1] === '-' });
        for (;;) {
            // At the start of a line.
            const newline = this.text.indexOf('\n', this.at);
            const end = newline < 0 ? this.text.length : newline;
            if (this.text.slice(this.at, end).trim() === found[2]) {
                this.push('heredoc end', end);
                return;
            }
            if (newline < 0) throw new SyntaxFault(`the heredoc ${found[2]} isn't closed`, line);
            this.templateLine();
        }
    }

    /** Literals and sequences up to the next line's start. */
    templateLine() {
        for (;;) {
            if (this.startsSequence(this.at)) {
                this.sequence();
                continue;
            }
            const newline = this.text.indexOf('\n', this.at);
            const stop = newline < 0 ? this.text.length : newline + 1;
            let end = this.at;
            while (end < stop && !this.startsSequence(end)) end += this.isEscapedSequence(end) ? 3 : 1;
            if (end > this.at) this.push('literal', end);
            if (end === stop) return;
        }
    }

    template() {
        while (this.at < this.text.length) this.templateLine();
    }
}

/** The tokens of a .tf file. */
export function tokensOf(text) {
    const lexer = new Lexer(text);
    lexer.code(false);
    lexer.push('end', text.length);
    return lexer.tokens;
}

/** The tokens of a template file: literals and sequences. */
export function templateTokensOf(text) {
    const lexer = new Lexer(text);
    lexer.template();
    lexer.push('end', text.length);
    return lexer.tokens;
}
