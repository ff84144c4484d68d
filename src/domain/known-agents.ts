/** The AI agents that are recognised, and where each keeps what governs it: settings, hooks, tool servers and instructions. */

export interface KnownAgent {
  readonly product: string;
  /** Name of its npm package. */
  readonly npm: string | undefined;
  /** Paths of its native programs; a group, where there is one, is the version. */
  readonly native: RegExp | undefined;
  /** Variable that moves its folder, and the name of that folder in a home. */
  readonly folder: { readonly variable: string; readonly name: string } | undefined;
  /** Files in that folder. */
  readonly user: readonly string[];
  /** A file of state in which only these members govern; `{project}` is the working folder. */
  readonly state?: { readonly file: string; readonly members: readonly (readonly string[])[] };
  /** Files in the working folder, and of those the ones that are also read in the folders above it. */
  readonly project: readonly string[];
  readonly above: readonly string[];
  /** What an administrator put on the device. */
  readonly managed: readonly string[];
  /** Other variables that make it read its files elsewhere. */
  readonly moving: readonly string[];
}

const CLAUDE_CODE: KnownAgent = {
  product: 'claude-code',
  npm: '@anthropic-ai/claude-code',
  native: /\/claude(?:\/versions\/(\d+\.\d+\.\d+[0-9A-Za-z.+-]{0,32}))?$/,
  folder: { variable: 'CLAUDE_CONFIG_DIR', name: '.claude' },
  user: ['settings.json', 'settings.local.json', 'CLAUDE.md'],
  state: { file: '.claude.json', members: [['mcpServers'], ['projects', '{project}', 'mcpServers']] },
  project: ['.claude/settings.json', '.claude/settings.local.json', '.claude/CLAUDE.md', '.mcp.json', 'CLAUDE.md', 'CLAUDE.local.md'],
  above: ['CLAUDE.md', 'CLAUDE.local.md'],
  managed: ['/etc/claude-code/managed-settings.json', '/etc/claude-code/managed-mcp.json', '/etc/claude-code/CLAUDE.md'],
  moving: [],
};

const CODEX: KnownAgent = {
  product: 'codex',
  npm: '@openai/codex',
  native: /\/codex$/,
  folder: { variable: 'CODEX_HOME', name: '.codex' },
  user: ['config.toml', 'hooks.json', 'AGENTS.md', 'AGENTS.override.md'],
  project: ['.codex/config.toml', '.codex/hooks.json', 'AGENTS.md', 'AGENTS.override.md'],
  above: ['.codex/config.toml', '.codex/hooks.json', 'AGENTS.md', 'AGENTS.override.md'],
  managed: ['/etc/codex/config.toml', '/etc/codex/managed_config.toml', '/etc/codex/requirements.toml'],
  moving: [],
};

const GEMINI_CLI: KnownAgent = {
  product: 'gemini-cli',
  npm: '@google/gemini-cli',
  native: undefined,
  folder: { variable: 'GEMINI_CLI_HOME', name: '.gemini' },
  user: ['settings.json', 'GEMINI.md'],
  project: ['.gemini/settings.json', 'GEMINI.md'],
  above: ['GEMINI.md'],
  managed: ['/etc/gemini-cli/settings.json', '/etc/gemini-cli/system-defaults.json'],
  moving: ['GEMINI_CLI_SYSTEM_SETTINGS_PATH', 'GEMINI_CLI_SYSTEM_DEFAULTS_PATH'],
};

/** Whatever else was launched as an agent: the files that agents agree on. */
export const GENERIC: KnownAgent = {
  product: 'generic',
  npm: undefined,
  native: undefined,
  folder: undefined,
  user: [],
  project: ['AGENTS.md', '.mcp.json'],
  above: ['AGENTS.md'],
  managed: [],
  moving: [],
};

const KNOWN: readonly KnownAgent[] = [CLAUDE_CODE, CODEX, GEMINI_CLI];

export interface RecognisedAgent {
  readonly agent: KnownAgent;
  readonly version: string | undefined;
}

/** The agent that publishes this package, given as `name@version`. */
export function agentOfPackage(packageClaim: string): RecognisedAgent | undefined {
  const at = packageClaim.lastIndexOf('@');
  const agent = KNOWN.find(({ npm }) => npm === packageClaim.slice(0, at));
  return agent && { agent, version: packageClaim.slice(at + 1) };
}

/** The agent whose native program has such a path. */
export function agentOfProgram(exe: string): RecognisedAgent | undefined {
  const path = exe.replace(/ \(deleted\)$/, '');
  const agent = KNOWN.find(({ native }) => native?.test(path) === true);
  return agent && { agent, version: agent.native?.exec(path)?.[1] };
}

/** The agent of that name, `generic` included. */
export const agentOfProduct = (product: string): KnownAgent | undefined => [...KNOWN, GENERIC].find((agent) => agent.product === product);

/** Variables whose values say where agents look for their files. */
export const PLACES: readonly string[] = [
  'HOME',
  ...KNOWN.flatMap(({ folder, moving }) => [...(folder ? [folder.variable] : []), ...moving]),
];
