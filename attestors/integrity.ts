import { fileText } from '../src/domain/file-text';
import type { Attestor, Observation, OwnWords, PatientReader, ProcessView } from '../src/domain/attestation';
import { statusField } from '../src/domain/proc-text';

/** More files of foreign code than this are not stated. */
const MAX_FOREIGN = 8;
const MAX_PATH_CHARACTERS = 1024;

/** Variables that make a program load code, or read start-up files, that it would not load by itself. */
export const LOADING: readonly string[] = [
  'LD_PRELOAD',
  'LD_AUDIT',
  'LD_LIBRARY_PATH',
  'GCONV_PATH',
  'GLIBC_TUNABLES',
  'NODE_OPTIONS',
  'NODE_PATH',
  'NODE_REPL_EXTERNAL_MODULE',
  'BUN_OPTIONS',
  'BUN_INSPECT_PRELOAD',
  'DENO_V8_FLAGS',
  'PYTHONPATH',
  'PYTHONHOME',
  'PYTHONSTARTUP',
  'PYTHONUSERBASE',
  'PYTHONBREAKPOINT',
  'BASH_ENV',
  'ENV',
  'ZDOTDIR',
  'PERL5LIB',
  'PERL5OPT',
  'RUBYLIB',
  'RUBYOPT',
  'JAVA_TOOL_OPTIONS',
  '_JAVA_OPTIONS',
  'JDK_JAVA_OPTIONS',
  'OPENSSL_CONF',
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'GIT_SSH_COMMAND',
];

const NAMESPACES = [
  ['user_namespace', 'ns/user'],
  ['mount_namespace', 'ns/mnt'],
  ['pid_namespace', 'ns/pid'],
  ['network_namespace', 'ns/net'],
] as const;

const SECCOMP: Readonly<Record<string, string>> = { '0': 'off', '1': 'strict', '2': 'filter' };

/** The node's own namespaces: links below /proc/PID, as ProcessView.link gives them. */
export type OwnNamespaces = Readonly<Record<(typeof NAMESPACES)[number][1], string>>;

/** What may make a process something else than its program (integrity.md). */
export const integrityAttestor = (reader: PatientReader, own: OwnNamespaces): Attestor => ({
  name: 'integrity',
  prepare(view) {
    Promise.all([reader.ownWords(view), reader.code(view)]).catch(() => undefined); // `attest` finds the same fault
  },
  async attest(view) {
    const status = view.read('status');
    // Asked for together, so that they are read one after the other while the rest is done here.
    const asked = Promise.all([reader.ownWords(view), reader.code(view)]);
    const facts = [...kernelState(status), ...namespaces(view, own)];
    const [words, code] = await asked;
    return [
      ...facts,
      ...loadingVariables(words),
      ...(code.foreign.length > 0 || code.complete ? [fact('foreign_code', String(code.foreign.length > 0))] : []),
      ...code.foreign.slice(0, MAX_FOREIGN).map((path) => fact('foreign_file', fileText(path.slice(0, MAX_PATH_CHARACTERS)))),
      fact('replaceable', String(code.replaceable)),
      fact('file_system', code.fileSystem),
    ];
  },
});

function kernelState(status: string): Observation[] {
  const seccomp = SECCOMP[statusField(status, 'Seccomp') ?? ''];
  const noNewPrivileges = statusField(status, 'NoNewPrivs');
  return [
    fact('traced', String(statusField(status, 'TracerPid') !== '0')),
    ...(noNewPrivileges === undefined ? [] : [fact('no_new_privs', String(noNewPrivileges === '1'))]),
    ...(seccomp === undefined ? [] : [fact('seccomp', seccomp)]),
  ];
}

const namespaces = (view: ProcessView, own: OwnNamespaces): Observation[] =>
  NAMESPACES.map(([name, link]) => fact(name, view.link(link) === own[link] ? 'same' : 'other'));

/** Names only: values hold secrets, and whoever rewrites the environment rewrites both. */
const loadingVariables = ({ variables }: OwnWords): Observation[] =>
  LOADING.filter((name) => variables.has(name)).map((value) => ({ name: 'variable', value, assurance: 'declared' }));

const fact = (name: string, value: string): Observation => ({ name, value, assurance: 'observed' });
