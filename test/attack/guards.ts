import type { Patch } from '../running/scratch';

/** What stands against the attacks, each as the edit that takes it out of a copy of the build. */

/** Who wrote the first byte is not compared with who connected. */
export const NO_SENDER_PEEK: Patch = {
  file: 'src/system/peer-listener.ts',
  edits: [['if (sender.pid !== peer.pid) this.refuse(', 'if (sender.pid < -1) this.refuse(']],
};

/** Whoever else holds a connection, its process is taken for the only one. */
export const NO_HOLDER_LOOK: Patch = {
  file: 'src/node/holding.ts',
  edits: [['await this.reader.holders(served.process, sockets)', "await Promise.resolve<Holders>({ holding: 'sole', pids: [] })"]],
};

/** The process that has the pid of the peer now is taken, as by who asks /proc alone. */
export const NO_PIDFD: Patch = {
  file: 'src/system/processes.ts',
  edits: [['this.pin(pidfd ?? openPid(pid), pid, { uid, gid })', 'this.pin(openPid(pid), pid, { uid, gid })']],
};

/** A process is settled anew at each look, as if whatever it runs now were what it always ran. */
export const NO_EXEC_DETECTION: Patch = {
  file: 'src/system/process-view.ts',
  edits: [
    ['  executed(): boolean {\n', '  executed(): boolean {\n    if (this.pid > 0) return false;\n'],
    ['  glance(): void {\n', '  glance(): void {\n    if (this.pid > 0) return;\n'],
  ],
};

/** Processes without address randomisation are taken like any other. */
export const NO_LAYOUT_CHECK: Patch = {
  file: 'src/system/program-image.ts',
  edits: [['if (notRandomised(folder))', 'if (notRandomised(folder) && folder === undefined)']],
};

/** Who is being traced is answered. */
export const NO_TRACER_CHECK: Patch = {
  file: 'src/system/process-view.ts',
  edits: [["if (tracer !== '0') throw", "if (tracer === 'any') throw"]],
};

/** The path that a process with mounts of its own is shown by counts as observed. */
export const NO_MOUNT_CHECK: Patch = {
  file: 'src/system/process-view.ts',
  edits: [["return this.link('ns/mnt') === machineMounts();", "return this.link('ns/mnt') !== '' || machineMounts() === '';"]],
};

/** The program is measured at the path that the process is shown by, not as the inode that it runs. */
export const HASH_BY_PATH: Patch = {
  file: 'src/system/proc-folder.ts',
  edits: [
    [
      "return exeHandle(this.attempt(() => handleOn(this.#fd, 'exe'), 'exe'));",
      "return exeHandle(this.attempt(() => openSync(this.link('exe').replace(' (deleted)', ''), constants.O_RDONLY)));",
    ],
  ],
};

/** Whoever calls an admin verb under the right uid administers. */
export const NO_AGENT_CHECK: Patch = {
  file: 'src/server/callers.ts',
  edits: [['if (!standing.administrator) return this.refuse(', 'if (!standing.administrator && caller.uid < 0) return this.refuse(']],
};

/** The name in /proc/PID/stat ends at its first bracket. */
export const FIRST_BRACKET: Patch = { file: 'src/domain/proc-text.ts', edits: [["text.lastIndexOf(')')", "text.indexOf(')')"]] };

/** Whoever connects to the socket of the node is taken for the node, even beside it. */
export const ANY_NODE: readonly Patch[] = [
  { file: 'src/server/sockets.ts', edits: [['if (!isNode(peer.process))', 'if (!isNode(peer.process) && peer.pid < 0)']] },
  { file: 'src/server/node-api.ts', edits: [['if (this.#link) throw', 'if (this.#link && call === undefined) throw']] },
];

/** Programs of any size are hashed. */
export const NO_SIZE_LIMIT: Patch = { file: 'src/system/file-hasher.ts', edits: [['4 * 1024 ** 3', '64 * 1024 ** 3']] };

/** Whoever serves the file of a program is asked about it by the main thread. */
export const ASKS_WHO_SERVES: Patch = {
  file: 'src/system/below.ts',
  edits: [['const AT_STATX_DONT_SYNC = 0x4000;', 'const AT_STATX_DONT_SYNC = 0;']],
};

/** What a connection asks for is answered to whatever process has its pid now, and the connection outlives the one that made it. */
export const AFTER_ACCEPT_BY_PID: readonly Patch[] = [
  {
    file: 'src/system/peer-listener.ts',
    edits: [
      [
        'peer.hold(process);',
        "peer.hold(process);\n      Object.defineProperty(peer, 'process', { get: () => this.options.processes.fromPid(pid) });",
      ],
    ],
  },
  { file: 'src/system/peer-connection.ts', edits: [['process.onExit(() => this.destroy())', 'process.onExit(() => undefined)']] },
  { file: 'src/node/images.ts', edits: [['if (!served.connections.has(peer)) throw', "if (peer.id === '') throw"]] },
];

/** No mapped code is foreign. */
export const NO_FOREIGN_CODE: Patch = {
  file: 'attestors/integrity.ts',
  edits: [["fact('foreign_code', String(code.foreign.length > 0))", "fact('foreign_code', String(code.foreign.length < 0))"]],
};

/** Who belongs to a launch is known by its ancestors alone. */
export const NO_CONTROL_GROUP: Patch = {
  file: 'src/node/attesting.ts',
  edits: [['ancestry.chain, group?.launchId)', 'ancestry.chain, undefined)']],
};

/** Who has more ancestors than are followed is not refused for that. */
export const NO_DEPTH_CHECK: Patch = {
  file: 'src/server/callers.ts',
  edits: [['if (!whole) throw', 'if (!whole && caller.uid < 0) throw']],
};

/** Who asks to see or to end agents is taken for somebody outside every agent. */
export const NO_AGENT_STOP_CHECK: Patch = {
  file: 'src/server/callers.ts',
  edits: [['return this.#standing(caller, agentId);', 'return this.#standing(caller, caller.uid < 0 ? agentId : undefined);']],
};
