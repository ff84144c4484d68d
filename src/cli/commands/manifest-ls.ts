import type { ManifestsAnswer } from '../../domain/manifest-answers';
import { askAdmin } from '../admin-client';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { table } from '../table';
import { instant } from '../times';
import { manifestState } from '../manifest-state';

/** `mandate manifest ls`. */
export const manifestLs: Command = async ({ deps, out, service }) => {
  const answer = await askAdmin(deps.clock, service().adminSocket, 'listManifests', {});
  out.answer(answer, (style) => manifestsText(answer, deps.clock.nowMs(), style), answer.manifests);
};

export function manifestsText({ manifests }: ManifestsAnswer, nowMs: number, style: Style): string {
  if (manifests.length === 0) return 'no manifests: rules list their hashes themselves\n';
  const rows = manifests.map((manifest) => [
    safe(manifest.name),
    `v${manifest.version}`,
    manifest.kind,
    manifestState(manifest, style),
    String(manifest.entries),
    manifest.rules.length === 0 ? '–' : manifest.rules.map(safe).join(' '),
    instant(manifest.accepted, nowMs, style),
    safe(manifest.author),
  ]);
  return table(['NAME', 'VERSION', 'KIND', 'STATE', 'ENTRIES', 'RULES', 'ACCEPTED', 'BY'], rows, style);
}
