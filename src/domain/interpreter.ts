/** How an interpreter's command line is read: what its programs document, and nothing that needs a look at a file. */

export type Interpreter = 'node' | 'python' | 'sh' | 'deno' | 'bun';

/** Where the code that an interpreter runs comes from, as its arguments say. */
export interface ScriptClaim {
  readonly mode: 'file' | 'module' | 'inline' | 'stdin';
  /** The path or module named; undefined for inline and stdin. */
  readonly named: string | undefined;
  /** What is loaded before it, in order. */
  readonly preloads: readonly string[];
}

/** The interpreter that a program is by the name of its file, or undefined. */
export function interpreterOf(exe: string): Interpreter | undefined {
  const name = exe
    .replace(/ \(deleted\)$/, '')
    .split('/')
    .at(-1)!;
  if (/^(node|nodejs)$/.test(name)) return 'node';
  if (/^python(\d+(\.\d+)?t?)?$/.test(name)) return 'python';
  if (/^(sh|bash|dash|ash|zsh|ksh|mksh)$/.test(name)) return 'sh';
  if (name === 'deno' || name === 'bun') return name;
  return undefined;
}

/**
 * What the arguments say is run, or undefined where they do not look like arguments any more: a process may overwrite them, and
 * `process.title` and setproctitle(3) do so by filling what follows with NUL.
 */
export function scriptClaim(interpreter: Interpreter, args: readonly string[]): ScriptClaim | undefined {
  const [first = '', ...rest] = args;
  const plain = interpreterOf(first.replace(/^-/, '')) !== undefined;
  if (rest.length === 0) return plain ? { mode: 'stdin', named: undefined, preloads: [] } : undefined;
  if (rest.every((arg) => arg === '')) return undefined;
  return new Scan(GRAMMARS[interpreter], rest).claim();
}

interface Grammar {
  /** Options whose value is the next argument, unless it follows a `=`. */
  readonly valued: ReadonlySet<string>;
  /** Of those, what loads code first. */
  readonly preload: ReadonlySet<string>;
  /** The code itself, or the rest of what is called inline, follows. */
  readonly inline: ReadonlySet<string>;
  /** A module is named next. */
  readonly module?: string;
  /** Single letters may be joined after one dash, the last of them with its value attached. */
  readonly joined: boolean;
  /** First operands that say what to do with the next one, and those that mean no file at all. */
  readonly verbs?: ReadonlySet<string>;
  readonly inlineVerbs?: ReadonlySet<string>;
  /** `+o` as well as `-o`. */
  readonly plus?: boolean;
  /** Read from standard input although an operand follows. */
  readonly stdin?: string;
}

const set = (words: string): ReadonlySet<string> => new Set(words.split(' '));

const GRAMMARS: Readonly<Record<Interpreter, Grammar>> = {
  node: {
    valued: set(
      '-r --require --import --loader --experimental-loader -C --conditions --env-file --env-file-if-exists --title --inspect-port --debug-port --input-type ' +
        '--experimental-default-type --icu-data-dir --openssl-config --redirect-warnings --report-dir --report-directory --report-filename --report-signal ' +
        '--trace-event-categories --trace-event-file-pattern --unhandled-rejections --max-http-header-size --diagnostic-dir --disable-warning ' +
        '--dns-result-order --tls-keylog --tls-cipher-list --secure-heap --secure-heap-min --watch-path --test-reporter --test-reporter-destination ' +
        '--test-name-pattern --localstorage-file --disable-proto --experimental-sea-config --heapsnapshot-signal --network-family-autoselection-attempt-timeout',
    ),
    preload: set('-r --require --import --loader --experimental-loader'),
    inline: set('-e --eval -p --print -pe'),
    joined: false,
  },
  python: { valued: set('-W -X --check-hash-based-pycs'), preload: set(''), inline: set('-c'), module: '-m', joined: true },
  sh: {
    valued: set('-o -O --rcfile --init-file'),
    preload: set('--rcfile --init-file'),
    inline: set('-c'),
    joined: true,
    plus: true,
    stdin: '-s',
  },
  deno: {
    valued: set('-c --config --import-map --lock --cert --seed -L --log-level --preload --import --env-file --port --host --unstable-hmr'),
    preload: set('--preload --import'),
    inline: set(''),
    joined: false,
    verbs: set('run serve'),
    inlineVerbs: set('eval'),
  },
  bun: {
    valued: set(
      '-r --preload --require --import -c --config --cwd --env-file -d --define -l --loader --tsconfig-override --conditions --port --install',
    ),
    preload: set('-r --preload --require --import'),
    inline: set('-e --eval -p --print'),
    joined: false,
    verbs: set('run'),
  },
};

const INLINE = 'inline';
const STDIN = 'stdin';

class Scan {
  readonly #preloads: string[] = [];
  #at = 0;

  constructor(
    private readonly grammar: Grammar,
    private readonly args: readonly string[],
  ) {}

  claim(): ScriptClaim {
    const { verbs, inlineVerbs } = this.grammar;
    let found = this.#operand();
    if (found.mode === 'file' && inlineVerbs?.has(found.named!) === true) return this.#claimed(INLINE);
    if (found.mode === 'file' && verbs?.has(found.named!) === true) found = this.#operand();
    return { ...found, preloads: this.#preloads };
  }

  #claimed(mode: ScriptClaim['mode'], named?: string): ScriptClaim {
    return { mode, named, preloads: this.#preloads };
  }

  /** Skips options up to the first operand, or to an option that says there is none. */
  #operand(): ScriptClaim {
    const { grammar } = this;
    for (let arg = this.#next(); arg !== undefined; arg = this.#next()) {
      if (arg === '--') break;
      if (arg === '-' || arg === grammar.stdin) return this.#claimed(STDIN);
      if (!arg.startsWith('-') && !(grammar.plus === true && arg.startsWith('+'))) return this.#claimed('file', arg);
      const ended = arg.startsWith('--') || !grammar.joined ? this.#option(arg) : this.#letters(arg);
      if (ended !== undefined) return ended;
    }
    const rest = this.#next();
    return rest === undefined || rest === '-' ? this.#claimed(STDIN) : this.#claimed('file', rest);
  }

  #option(arg: string): ScriptClaim | undefined {
    const { grammar } = this;
    const sign = arg.indexOf('=');
    const name = sign < 0 ? arg : arg.slice(0, sign);
    if (grammar.inline.has(name)) return this.#claimed(INLINE);
    if (!grammar.valued.has(name)) return undefined;
    const value = sign < 0 ? this.#next() : arg.slice(sign + 1);
    if (value !== undefined && grammar.preload.has(name)) this.#preloads.push(value);
    return undefined;
  }

  /** `-uBc code`, `-mpkg`, `-Wignore`, `-euo pipefail`. */
  #letters(arg: string): ScriptClaim | undefined {
    const { grammar } = this;
    for (let i = 1; i < arg.length; i++) {
      const letter = `-${arg[i]!}`;
      if (grammar.inline.has(letter)) return this.#claimed(INLINE);
      if (letter === grammar.stdin) return this.#claimed(STDIN);
      const attached = arg.slice(i + 1);
      if (letter === grammar.module) return this.#claimed('module', attached === '' ? this.#next() : attached);
      if (grammar.valued.has(letter)) {
        if (attached === '' || grammar.plus === true) this.#next();
        // A shell takes the value of `-o` from the next argument, whatever else is joined to it.
        if (grammar.plus !== true) return undefined;
      }
    }
    return undefined;
  }

  #next(): string | undefined {
    return this.args[this.#at++];
  }
}
