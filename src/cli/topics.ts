/** Topics of `mandate help`, and the first sentence of each; the pages are docs/help/<topic>.md. */
export const TOPICS = {
  separation: 'what it means that the issuer runs under the same user as your agents, or does not',
  assurance: 'how strongly each link of a chain is known',
  rules: 'how a process gets an identity',
  manifests: 'how an update of an agent is accepted without a new rule',
  federation: 'how agents come to know the SVIDs of another trust domain',
  'exit-codes': 'what each exit code means',
  errors: 'every error code',
  environment: 'variables that mandate reads',
  security: 'who may do what, and what mandate does not protect against',
} as const;
