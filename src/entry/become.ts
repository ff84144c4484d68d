import { chdir } from 'node:process';
import { closeSync, writeFileSync, writeSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { asMandateError, MandateError } from '../domain/errors';
import { BECOMING_FD, type FromNode, MAX_WORDS_BYTES, type OwnUidPlan, type ToNode, type Words } from '../domain/own-uid-protocol';
import { execInPlace } from '../system/exec-in-place';
import { becomeUser } from '../system/give-up';
import { harden } from '../system/harden';
import { JsonLines } from '../system/json-lines';
import { enterDomain } from '../system/landlock';
import { readRegular } from '../system/memory-file';
import { accountName, enterOwnView } from '../system/own-view';
import { leadGroup } from '../system/pseudo-terminal';
import { setLimits } from '../system/resource-limits';
import { setDumpable } from '../system/this-process';

/**
 * The process that becomes an agent under a uid of its own. As root it builds the agent's mounts; then it gives up all that root can do, and only
 * then reads what the launcher wrote. It waits until the launch is on record, and executes the program. All on the main thread: mounts, domain
 * and privileges are those of a thread, and an exec ends the others.
 */
export function becomeEntry(): void {
  harden();
  let ready: { readonly plan: OwnUidPlan; readonly words: Words } | undefined;
  const keeper = new JsonLines<FromNode, ToNode>(
    new Socket({ fd: BECOMING_FD.keeper }),
    (message) => {
      try {
        if ('plan' in message) {
          ready = { plan: message.plan, words: prepare(message.plan) };
          keeper.tell({ waiting: process.pid });
        } else if (ready !== undefined) execute(ready.plan, ready.words);
      } catch (thrown) {
        failed(thrown);
      }
    },
    () => process.exit(1),
  );

  /** Written at once: after an exec that failed late, nothing of the event loop is to be relied on. */
  function failed(thrown: unknown): never {
    const known = asMandateError(thrown);
    const error = known.code === 'E_INTERNAL' ? new MandateError('E_OWN_UID', { saw: String(thrown) }) : known;
    writeSync(BECOMING_FD.keeper, `${JSON.stringify({ failed: { code: error.code, explanation: error.explanation } })}\n`);
    process.exit(1);
  }
}

function prepare(plan: OwnUidPlan): Words {
  leadGroup();
  if (plan.loginUid !== null) takeLoginUid(plan.loginUid);
  writeFileSync('/proc/self/oom_score_adj', plan.oomScoreAdj);
  enterOwnView(plan, BECOMING_FD.project);
  closeSync(BECOMING_FD.project);
  setLimits(plan.limits);
  process.umask(plan.umask);
  becomeUser(plan.uid);
  chdir(plan.cwd);
  if (plan.confine) enterDomain();
  setDumpable(false);
  const bytes = readRegular(BECOMING_FD.words, MAX_WORDS_BYTES);
  closeSync(BECOMING_FD.words);
  return wordsOf(bytes);
}

/** Facts about the login are the launcher's, never those of whoever started the node. */
function takeLoginUid(loginUid: string): void {
  const file = '/proc/self/loginuid';
  if (readFileSync(file, 'latin1') === loginUid) return;
  try {
    writeFileSync(file, loginUid);
  } catch (cause) {
    throw new MandateError('E_OWN_UID', { why: 'the login of whoever started the node cannot be taken off' }, { cause });
  }
}

function wordsOf(bytes: Buffer | undefined): Words {
  try {
    const { argv, env, startedWith } = JSON.parse((bytes ?? Buffer.alloc(0)).toString('latin1')) as Words;
    const strings = [...argv, ...env];
    if (argv.length > 0 && strings.every((text) => typeof text === 'string') && (startedWith === null || typeof startedWith === 'string'))
      return { argv, env, startedWith };
  } catch {
    // Said below: whatever it is, it is not what a launcher of ours writes.
  }
  throw new MandateError('E_REQUEST', { why: 'arguments and environment are not as a launcher writes them' });
}

function execute(plan: OwnUidPlan, { argv, env, startedWith }: Words): never {
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
  return execInPlace({
    path: plan.program,
    argv: argv.map(bytes),
    env: withAccount(env.map(bytes), plan),
    descriptors: [],
    startedWith: startedWith ?? undefined,
  });
}

/** What names the account and its home folder is the agent's own, whatever the launcher had there. */
function withAccount(env: readonly Buffer[], { uid, owner }: OwnUidPlan): readonly Buffer[] {
  const own = { HOME: owner.home, USER: accountName(uid), LOGNAME: accountName(uid), SHELL: owner.shell };
  const kept = env.filter((entry) => !Object.keys(own).some((name) => entry.toString('latin1').startsWith(`${name}=`)));
  return [...kept, ...Object.entries(own).map(([name, value]) => Buffer.from(`${name}=${value}`))];
}
