import { MEMORY_FLAGS } from './node-flags';

/**
 * The files that `mandate install` writes: units, accounts and folders for systemd. Each part is a service of its own with what it needs and
 * no more (docs/adr/0017-installed-as-units.md says why each option is there, or is not).
 */

/** Absolute, real paths of what the units start. */
export interface InstalledProgram {
  readonly node: string;
  readonly main: string;
}

export interface InstalledFile {
  /** Absolute, as the installed machine sees it. */
  readonly path: string;
  readonly text: string;
}

/** Accounts of the parts; nothing else runs under them. */
export const SERVER_ACCOUNT = 'mandate';
export const DATABASE_ACCOUNT = 'mandate-db';

/** What starts everything at boot is one link to the target. */
export const UNIT_FOLDER = '/etc/systemd/system';
export const TARGET = 'mandate.target';
export const SERVICES = [
  'mandate-setup.service',
  'mandate-db.service',
  'mandate-server.service',
  'mandate-node.service',
  'mandate-launches.service',
] as const;
export type Service = (typeof SERVICES)[number];
export const SOCKET = 'mandate-node.socket';
export const SYSUSERS = '/etc/sysusers.d/mandate.conf';
export const TMPFILES = '/etc/tmpfiles.d/mandate.conf';

const STATE = '/var/lib/mandate';
const RUN = '/run/mandate';

/** Every file, in the order it is written. Throws nothing: the caller has checked that the paths are ones that a unit can hold. */
export const installedFiles = (program: InstalledProgram): readonly InstalledFile[] => [
  { path: SYSUSERS, text: sysusers },
  { path: TMPFILES, text: tmpfiles },
  ...[[TARGET, target], [SOCKET, socket], ...SERVICES.map((name) => [name, service(name, program)] as const)].map(([name, text]) => ({
    path: `${UNIT_FOLDER}/${name}`,
    text,
  })),
];

const HEADER = '# Written by `mandate install`. Changes belong into a drop-in (systemctl edit): an edited file is never replaced.\n';

const sysusers = `${HEADER}u ${SERVER_ACCOUNT} - "Mandate server" ${STATE}
u ${DATABASE_ACCOUNT} - "Mandate database" ${STATE}
`;

const tmpfiles = `${HEADER}d ${STATE} 0711 root root
d ${STATE}/secrets 0700 root root
d ${STATE}/server 0700 ${SERVER_ACCOUNT} ${SERVER_ACCOUNT}
d ${STATE}/server/keys 0700 ${SERVER_ACCOUNT} ${SERVER_ACCOUNT}
d ${STATE}/database 0700 ${DATABASE_ACCOUNT} ${DATABASE_ACCOUNT}
f ${STATE}/lock 0644 ${SERVER_ACCOUNT} ${SERVER_ACCOUNT}
d ${RUN} 0755 root root
d ${RUN}/agent 0755 root root
d ${RUN}/admin 0755 ${SERVER_ACCOUNT} ${SERVER_ACCOUNT}
d ${RUN}/link 0710 ${SERVER_ACCOUNT} ${SERVER_ACCOUNT}
d ${RUN}/db 0710 ${DATABASE_ACCOUNT} ${SERVER_ACCOUNT}
`;

const target = `${HEADER}[Unit]
Description=Mandate, identities for AI agents
Wants=${SOCKET} ${SERVICES.join(' ')}

[Install]
WantedBy=multi-user.target
`;

/** Made by systemd and kept over restarts of the node: who connects meanwhile waits, and is refused nothing. */
const socket = `${HEADER}[Unit]
Description=Mandate, socket for agents and launchers
PartOf=${TARGET}

[Socket]
ListenStream=${RUN}/agent/agent.sock
SocketMode=0666
DirectoryMode=0755
Backlog=4096
PassCredentials=yes
RemoveOnStop=yes
`;

/** For every part. The last lines give a part mounts of its own, in which everything can be read and little be written. */
const CONFINED = [
  'NoNewPrivileges=yes',
  'RestrictSUIDSGID=yes',
  'RestrictRealtime=yes',
  'RestrictNamespaces=yes',
  'LockPersonality=yes',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service',
  'SystemCallFilter=~@privileged @resources',
  'SystemCallErrorNumber=EPERM',
  'KeyringMode=private',
  'UMask=0077',
  'ProtectHostname=yes',
  'PrivateMounts=yes',
  'ProtectSystem=strict',
  'ProtectKernelTunables=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelLogs=yes',
];

/** Where no process of somebody else is looked at. Device rules are programs on the control group, and hold for whatever is in it. */
const APART = ['ProtectClock=yes', 'PrivateDevices=yes', 'PrivateTmp=yes', 'ProtectHome=yes', 'ProtectControlGroups=yes'];

const NO_NETWORK = ['PrivateNetwork=yes', 'IPAddressDeny=any', 'RestrictAddressFamilies=AF_UNIX'];
/** The bundle endpoint and the health port are on loopback. */
const LOOPBACK = ['IPAddressDeny=any', 'IPAddressAllow=localhost', 'RestrictAddressFamilies=AF_UNIX AF_INET'];

/** Started again for as long as the machine runs: a reason that passes, such as a full disk, must not need a person. */
const KEPT_UP = ['Type=notify', 'NotifyAccess=main', 'Restart=always', 'RestartSec=1'];

interface ServiceText {
  readonly description: string;
  readonly unit: readonly string[];
  /** What is started; a way of main.ts where it is a part of ours. */
  readonly start: string | { readonly way: string; readonly flags?: readonly string[] };
  readonly options: readonly string[];
}

const TEXTS: Readonly<Record<Service, ServiceText>> = {
  'mandate-setup.service': {
    description: 'decides what is decided once',
    unit: [`ConditionPathExists=!${STATE}/installation.json`],
    start: { way: 'internal-setup' },
    options: [
      'Type=oneshot',
      'CapabilityBoundingSet=',
      ...CONFINED,
      ...APART,
      ...LOOPBACK,
      'ProtectProc=invisible',
      `ReadWritePaths=${STATE}`,
    ],
  },
  'mandate-db.service': {
    description: 'PostgreSQL',
    unit: ['Wants=mandate-setup.service', 'After=mandate-setup.service', 'StartLimitIntervalSec=0'],
    start: { way: 'internal-database' },
    options: [
      ...KEPT_UP,
      'TimeoutStartSec=180',
      'KillMode=mixed',
      `User=${DATABASE_ACCOUNT}`,
      'CapabilityBoundingSet=',
      ...['owner', 'server', 'reader'].map((role) => `LoadCredential=${role}:${STATE}/secrets/${role}`),
      ...CONFINED,
      ...APART,
      ...NO_NETWORK,
      'ProtectProc=invisible',
      // setpriv(1), which starts PostgreSQL, sets the capabilities that it does not have.
      'SystemCallFilter=capset',
      `ReadWritePaths=${STATE}/database ${RUN}/db`,
    ],
  },
  'mandate-server.service': {
    description: 'server',
    unit: ['Wants=mandate-db.service', 'After=mandate-setup.service mandate-db.service', 'StartLimitIntervalSec=0'],
    start: { way: 'internal-server-unit', flags: MEMORY_FLAGS.server },
    options: [
      ...KEPT_UP,
      `User=${SERVER_ACCOUNT}`,
      'CapabilityBoundingSet=',
      `LoadCredential=server:${STATE}/secrets/server`,
      ...CONFINED,
      ...APART,
      ...LOOPBACK,
      `ReadWritePaths=${STATE}/server ${STATE}/lock ${RUN}/admin ${RUN}/link`,
    ],
  },
  'mandate-node.service': {
    description: 'node',
    // Not after the server: while there is none, who asks is told so at once instead of waiting.
    unit: [`Requires=${SOCKET}`, `After=${SOCKET}`, 'StartLimitIntervalSec=0'],
    start: { way: 'internal-node-unit', flags: MEMORY_FLAGS.node },
    options: [
      ...KEPT_UP,
      // The group is for the socket of the server; root without CAP_DAC_OVERRIDE is held to modes like anyone.
      'User=root',
      `Group=${SERVER_ACCOUNT}`,
      'CapabilityBoundingSet=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH CAP_KILL',
      'LimitNOFILE=524288',
      ...CONFINED,
      // Its hashing thread steps back behind the main one.
      'SystemCallFilter=setpriority',
      // Files of a process are read by the root of that process, so homes need not be here. Processes and devices do.
      'ProtectHome=yes',
      'ProtectClock=yes',
      'DevicePolicy=closed',
      'IPAddressDeny=any',
      'RestrictAddressFamilies=AF_UNIX',
    ],
  },
  'mandate-launches.service': {
    description: 'control groups of launches',
    unit: [],
    start: '/bin/sleep infinity',
    options: [
      // Launched agents live in its control group. They outlive it, and none of what holds for a group may hold for them: no limit,
      // and no device or address rules, which is why APART and NO_NETWORK are not here.
      'Delegate=yes',
      'KillMode=process',
      'TasksMax=infinity',
      'CapabilityBoundingSet=',
      ...CONFINED,
      'PrivateNetwork=yes',
      'RestrictAddressFamilies=none',
      'PrivateTmp=yes',
      'ProtectHome=yes',
      'ProtectControlGroups=yes',
      'ProtectProc=invisible',
    ],
  },
};

function service(name: Service, { node, main }: InstalledProgram): string {
  const { description, unit, start, options } = TEXTS[name];
  const command = typeof start === 'string' ? start : [node, ...(start.flags ?? []), main, start.way].map(quoted).join(' ');
  const ended = name === 'mandate-launches.service' ? [] : [`PartOf=${TARGET}`];
  return `${HEADER}[Unit]
${[`Description=Mandate, ${description}`, ...ended, ...unit].join('\n')}

[Service]
ExecStart=${command}
${options.join('\n')}
`;
}

/** A path as a word of a command line of systemd.service(5): specifiers, variables and quotes mean themselves. */
const quoted = (path: string): string => {
  const escaped = path.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[A-Za-z0-9/._+@%$=-]+$/.test(escaped) ? escaped : `"${escaped}"`;
};
