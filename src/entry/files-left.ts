import { removeLeftFiles } from '../system/credential-folder';

/** Removes what a killed writer of `run --files` left, as the user whose files they are: no privilege of the node meets a folder of theirs. */
export function filesLeftEntry(): void {
  removeLeftFiles(process.geteuid?.() ?? -1);
}
