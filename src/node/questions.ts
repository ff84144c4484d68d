import type { ServerMessage } from '../generated/proto/mandate/v1/node_link_pb';
import type { LoopDelay } from '../system/loop-delay';
import { reportCaller } from './callers';
import { nodeFigures } from './figures';
import type { Images } from './images';
import type { Serving } from './serve';
import type { ServerLink } from './server-link';
import { type StopParts, stopAgent } from './stop-agent';

/** What a node needs to answer its server. */
export interface Asked extends StopParts {
  readonly images: Images;
  readonly serving: Serving;
  readonly link: Pick<ServerLink, 'tell'>;
  readonly loopDelay: () => LoopDelay;
}

/** Answers what the server asks of its own accord, under the id of its message; any other message is passed over. */
export function answerQuestion({ id, body }: ServerMessage, asked: Asked): void {
  const { processes, members, groups, images, serving, link, log, loopDelay } = asked;
  if (body.case === 'caller') {
    void reportCaller(body.value, processes, members, groups, images, serving).then((report) =>
      link.tell({ case: 'caller', value: report }, id),
    );
  } else if (body.case === 'figures') link.tell({ case: 'figures', value: nodeFigures(images, loopDelay()) }, id);
  else if (body.case === 'stopAgent') {
    stopAgent(asked, body.value).then(
      (stopped) => link.tell({ case: 'agentStopped', value: stopped }, id),
      (thrown: unknown) => log.error({ err: thrown }, 'an agent could not be stopped'),
    );
  }
}
