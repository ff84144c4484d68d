import type { ManifestItem } from '../domain/manifest-answers';
import type { Style } from './style';

/** How a manifest stands, for people. */
export const manifestState = ({ state }: ManifestItem, style: Style): string =>
  state === 'in-force' ? style.good('in force') : style.bad(state);
