import type { TextDialect } from '../wire/text-dialects.ts';
import { TextParser } from '../wire/text-parser.ts';
import { TextReplies } from '../wire/text-replies.ts';
import type { TextRequest, TextRequestLimits } from '../wire/text-requests.ts';
import type { ConnectionStream } from './client-connection.ts';
import { RequestConnection, type RequestConnectionSetup } from './request-connection.ts';
import type { Redirects, TextRoute } from './redirects.ts';
import { TextHandler } from './text-handler.ts';

/** What the connections of one listener have in common. */
export interface TextConnectionSetup extends RequestConnectionSetup {
  readonly dialect: TextDialect;
  /** Null in a dialect that forwards. */
  readonly redirects: Redirects | null;
  readonly requestLimits: TextRequestLimits;
}

/** A connection that speaks the text protocol. */
export class TextConnection extends RequestConnection<TextRequest, TextRoute> {
  constructor(setup: TextConnectionSetup, stream: ConnectionStream) {
    const replies = new TextReplies();
    super(setup, stream, {
      parser: new TextParser(setup.requestLimits),
      replies,
      handler: new TextHandler(setup, replies),
    });
  }
}
