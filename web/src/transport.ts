import type { GraphiQL } from "graphiql";
import { getOperationAST, type OperationDefinitionNode, parse } from "graphql";
import { createClient, type SubscribePayload } from "graphql-ws";
import type { ComponentProps } from "react";

type Fetcher = ComponentProps<typeof GraphiQL>["fetcher"];

export interface Transport {
  /** Sends queries and mutations by POST, subscriptions by graphql-transport-ws. */
  fetcher: Fetcher;
  /** The bearer token of everything sent from now on; "" sends none. A running subscription reconnects with it. */
  setToken(token: string): void;
}

/**
 * Talks to one path of the page's own origin. Headers from the header editor win over the token and
 * also travel in the payload of connection_init, where a browser has no headers to give.
 */
export function createTransport(path: string): Transport {
  let token = "";
  let edited: Record<string, string> = {};

  const headers = () => {
    const all = new Headers(token ? { Authorization: `Bearer ${token}` } : {});
    for (const [name, value] of Object.entries(edited)) all.set(name, value);
    return all;
  };

  const socket = createClient({
    url: location.origin.replace(/^http/, "ws") + path,
    connectionParams: () => {
      const { authorization, ...rest } = Object.fromEntries(headers());
      return authorization ? { ...rest, Authorization: authorization } : rest;
    },
  });

  const post = async (params: unknown) => {
    const sent = headers();
    sent.set("Content-Type", "application/json");
    sent.set("Accept", "application/graphql-response+json, application/json;q=0.9");
    const response = await fetch(path, { method: "POST", headers: sent, body: JSON.stringify(params) });
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`HTTP ${response.status} ${response.statusText}: ${text.slice(0, 500)}`);
    }
  };

  return {
    fetcher: ({ operationName, ...params }, options) => {
      edited = options?.headers ?? {};
      const operation = chosen(params.query, operationName);
      const sent = { ...params, operationName: operation?.name?.value };
      return operation?.operation === "subscription" ? subscribe(socket, sent as SubscribePayload) : post(sent);
    },
    setToken: (next) => {
      if (next === token) return;
      token = next;
      socket.terminate();
    },
  };
}

/**
 * The operation to run. GraphiQL looks at a document some time after its tab was chosen: what it says of the
 * operation may still be of the tab before.
 */
function chosen(query: string, name?: string | null): OperationDefinitionNode | null | undefined {
  try {
    const document = parse(query);
    return getOperationAST(document, name) ?? getOperationAST(document);
  } catch {
    return undefined; // the server says what is wrong
  }
}

/**
 * Written out rather than wrapped in a generator: return() of a generator waits for the pending
 * next(), so the stop button would do nothing until the following event. GraphiQL prints errors
 * as JSON, which leaves nothing of a CloseEvent; it becomes an Error.
 */
function subscribe(socket: ReturnType<typeof createClient>, payload: SubscribePayload): AsyncIterableIterator<any> {
  const events = socket.iterate(payload);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () =>
      events.next().catch((reason: unknown) => {
        throw reason instanceof CloseEvent ? new Error(`Socket closed: ${reason.code} ${reason.reason}`.trim()) : reason;
      }),
    return: () => events.return!(),
  };
}
