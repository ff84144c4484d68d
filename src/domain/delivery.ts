/**
 * How a process is given its SVIDs. `socket`: to itself alone. `files`: it writes them where every process of its user reads them, so it is
 * attested as no program, but as whoever of that user is in its launch.
 */
export type Delivery = 'socket' | 'files';

/** Metadata key of a Workload API call by which a process asks to be attested for `files`: less than it could have. */
export const DELIVERY_METADATA = 'mandate-delivery';

/** Sources of facts that hold for everybody who can read the files. */
export const SOURCES_FOR_FILES: readonly string[] = ['host', 'user', 'cgroup', 'launch'];

/** Longest life of an X509-SVID that lies in files, in seconds: nobody sees who read its key. */
export const FILES_TTL_SECONDS = 300;
