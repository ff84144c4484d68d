import { create } from '@bufbuild/protobuf';
import { asMandateError } from '../domain/errors';
import { type CallerQuestion, type CallerReport, CallerReportSchema } from '../generated/proto/mandate/v1/node_link_pb';
import type { PinnedProcesses } from '../system/processes';
import type { Images } from './images';
import type { LaunchGroups } from './launch-groups';
import type { Members } from './members';
import type { Serving } from './serve';

/**
 * Answers the server's question about the caller of an admin verb: the process with this pid and pidfs inode, the agent it is, descends
 * from or stands in the control group of, and its evidence where that is wanted. A process that is gone, or another one under the same pid, is not found.
 */
export async function reportCaller(
  question: CallerQuestion,
  processes: PinnedProcesses,
  members: Members,
  groups: LaunchGroups,
  images: Images,
  serving: Serving,
): Promise<CallerReport> {
  try {
    const process = processes.fromPid(question.pid, question.processKey || undefined);
    try {
      const membership = members.find(process, process.ancestors().chain, groups.of(process)?.launchId);
      let evidence: { digest: Buffer; canonical: Buffer } | undefined;
      if (question.evidence) {
        const served = images.present(process);
        await serving.attested(served);
        evidence = served.evidence;
        images.left(served);
      }
      return create(CallerReportSchema, {
        found: process.alive(),
        agentId: membership?.agentId ?? '',
        agentName: membership?.agentName ?? '',
        launchId: membership?.launch?.launchId ?? '',
        evidence: evidence?.canonical ?? Buffer.alloc(0),
        evidenceDigest: evidence?.digest ?? Buffer.alloc(0),
      });
    } finally {
      process.release();
    }
  } catch (thrown) {
    return create(CallerReportSchema, { found: false, code: asMandateError(thrown).code });
  }
}
