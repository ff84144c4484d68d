// A foreign client as a process of its own: what it prints, line by line, and the connections the kernel says it has.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';

export class Watcher {
  /** Every line it has printed so far, parsed. */
  events = [];
  #child;
  #waiting = new Set();
  #stderr = '';

  /** `read` makes an event of a line, or nothing where the line says nothing; what it throws at is told as such. */
  constructor(name, [program, ...args], env, read = JSON.parse) {
    this.name = name;
    this.#child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.ended = signal ?? `exit code ${code}`;
        resolve(code);
        this.#look();
      });
      this.#child.once('error', (error) => {
        this.ended = error.message;
        resolve(-1);
        this.#look();
      });
    });
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.setEncoding('utf8').on('data', (text) => (this.#stderr = (this.#stderr + text).slice(-4000)));
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      let event;
      try {
        event = read(line);
      } catch {
        event = { event: 'unreadable', text: line.slice(0, 200) };
      }
      if (event === undefined) return;
      this.events.push(event);
      this.#look();
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** Everything printed from here on is what follows. */
  mark() {
    return this.events.length;
  }

  /** The first event at or after `from` that satisfies `wanted`; the deadline decides failure only. */
  until(wanted, from, what, ms = 60_000) {
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(late);
        this.#waiting.delete(look);
        settle(value);
      };
      const fail = (why) =>
        done(reject, new Error(`${this.name}: ${what}: ${why}; last lines ${JSON.stringify(this.events.slice(-3))} ${this.#stderr}`));
      const look = () => {
        const found = this.events.slice(from).find(wanted);
        if (found) done(resolve, found);
        else if (this.ended !== undefined) fail(`the client ended (${this.ended})`);
      };
      const late = setTimeout(() => fail(`not seen within ${ms / 1000} s`), ms);
      this.#waiting.add(look);
      look();
    });
  }

  /** Writes one line to its standard input. */
  tell(line) {
    this.#child.stdin.write(`${line}\n`);
  }

  /** All of its standard input. */
  input(text) {
    this.#child.stdin.end(`${text}\n`);
  }

  /** Asks the running client for one more fetch and returns what it made of the answer. */
  fetchAgain() {
    const from = this.mark();
    this.tell('fetch');
    return this.until(({ event }) => event === 'granted' || event === 'refused', from, 'one more fetch');
  }

  #look() {
    for (const look of [...this.#waiting]) look();
  }

  /** Inodes of the unix sockets it holds: the kernel never uses one twice, so an equal set is the same connections. */
  connections() {
    const unix = new Set(
      readFileSync('/proc/net/unix', 'utf8')
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/)[6]),
    );
    const inodes = new Set();
    for (const fd of readdirSync(`/proc/${this.pid}/fd`)) {
      let target;
      try {
        target = readlinkSync(`/proc/${this.pid}/fd/${fd}`);
      } catch {
        continue; // closed since it was listed
      }
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined && unix.has(inode)) inodes.add(inode);
    }
    if (inodes.size === 0) throw new Error(`${this.name} holds no unix socket, so there is nothing to compare`);
    return [...inodes].sort().join(' ');
  }

  async end() {
    this.#child.kill('SIGKILL');
    await this.exited;
  }
}
