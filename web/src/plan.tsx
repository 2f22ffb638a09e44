import type { GraphiQLPlugin } from "@graphiql/react";
import type { GraphiQL } from "graphiql";
import { parse, print } from "graphql";
import { type ComponentProps, type CSSProperties, useEffect, useSyncExternalStore } from "react";

import "./plan.css";

type Fetcher = ComponentProps<typeof GraphiQL>["fetcher"];

/** One call as it went; `fetch` is its id in the tree. */
interface Call {
  fetch: number;
  subgraph: string;
  path?: string;
  entities?: number;
  bytes: number;
  beganMs: number;
  tookMs: number;
  code?: string;
}

/** A node of the plan, as the gateway's Go types print themselves. */
type Node =
  | { kind: "Sequence" | "Parallel"; nodes: Node[] }
  | { kind: "Flatten"; node: Node }
  | { kind: "Condition"; condition: string; ifClause?: Node; elseClause?: Node }
  | { kind: "Fetch" | "BatchFetch"; id: number; serviceName: string; operation: string };

interface Plan {
  root: Node | null;
  calls: Call[] | null;
  tookMs: number;
}

/** The plan of the last answer: undefined before any, null when the server showed none. */
let last: Plan | null | undefined;
let wanted = false;
const listeners = new Set<() => void>();

function show(plan: Plan | null) {
  last = plan;
  for (const listener of listeners) listener();
}

/** Asks for plans while the pane is open, and takes them out of the answers that are shown. */
export function withPlan(fetcher: Fetcher): Fetcher {
  return async (params, options) => {
    if (!wanted || params.operationName === "IntrospectionQuery") return fetcher(params, options);
    const asked = { ...params, extensions: { plan: true } } as typeof params;
    const answer: any = await fetcher(asked, options);
    if (typeof answer !== "object" || answer === null || Symbol.asyncIterator in answer) return answer;
    const { plan = null, ...extensions } = answer.extensions ?? {};
    show(plan);
    const { extensions: _, ...rest } = answer;
    return Object.keys(extensions).length > 0 ? { ...rest, extensions } : rest;
  };
}

/** A pane with the calls of subgraphs that made the last answer. */
export const planPlugin: GraphiQLPlugin = { title: "查询计划 Plan", icon: PlanIcon, content: PlanPane };

function PlanPane() {
  const plan = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => last,
  );
  useEffect(() => {
    wanted = true;
    return () => {
      wanted = false;
    };
  }, []);
  return (
    <section className="plan">
      <h2>查询计划 Plan</h2>
      {plan ? <PlanTree plan={plan} /> : <p className="none">{plan === null ? notShown : notYet}</p>}
    </section>
  );
}

const notYet = "运行一个查询，这里显示它问了哪些子图。Run a query to see which subgraphs it asks, and how long each takes.";
const notShown = "这次回答没有计划：只有一个图，或服务器不公开计划。No plan came with this answer: there is one graph only, or the server keeps its plans.";

function PlanTree({ plan }: { plan: Plan }) {
  const calls = plan.calls ?? [];
  const names = [...new Set(calls.map((call) => call.subgraph))];
  const bytes = calls.reduce((sum, call) => sum + call.bytes, 0);
  return (
    <>
      <p className="sum">
        <b>{calls.length}</b> 次调用 calls · <b>{names.length}</b> 个子图 subgraphs · <b>{size(bytes)}</b> · <b>{time(plan.tookMs)}</b>
      </p>
      {plan.root ? (
        <Step node={plan.root} plan={plan} names={names} />
      ) : (
        <p className="none">网关自己回答。Answered by the gateway itself.</p>
      )}
    </>
  );
}

function Step({ node, plan, names }: { node: Node; plan: Plan; names: string[] }) {
  const below = (nodes: (Node | undefined)[]) =>
    nodes.map((child, i) => child && <Step key={i} node={child} plan={plan} names={names} />);
  switch (node.kind) {
    case "Sequence":
      return <Group label="先后 In sequence">{below(node.nodes)}</Group>;
    case "Parallel":
      return <Group label="同时 At once">{below(node.nodes)}</Group>;
    case "Condition":
      return <Group label={`$${node.condition}`}>{below([node.ifClause, node.elseClause])}</Group>;
    case "Flatten":
      return <Step node={node.node} plan={plan} names={names} />;
    case "Fetch":
    case "BatchFetch":
      return <Fetch node={node} plan={plan} names={names} />;
  }
}

function Group({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div className="group">
      <span className="label">{label}</span>
      {children}
    </div>
  );
}

function Fetch({ node, plan, names }: { node: Extract<Node, { operation: string }>; plan: Plan; names: string[] }) {
  const call = plan.calls?.find((c) => c.fetch === node.id);
  const total = Math.max(plan.tookMs, 0.001);
  const style = {
    "--hue": hues[Math.max(names.indexOf(node.serviceName), 0) % hues.length],
    "--from": `${(100 * (call?.beganMs ?? 0)) / total}%`,
    "--took": `${(100 * (call?.tookMs ?? 0)) / total}%`,
  } as CSSProperties;
  return (
    <details className="fetch" style={style} data-state={call ? (call.code ?? "ok") : "idle"}>
      <summary>
        <span className="name">{node.serviceName}</span>
        {call?.entities !== undefined && <span>{call.entities} 个实体 entities</span>}
        <span className="figures">{call ? (call.code ?? `${size(call.bytes)} · ${time(call.tookMs)}`) : "未调用 not called"}</span>
        {call?.path && <code>{call.path.split(", ").join("\n")}</code>}
        <span className="when" />
      </summary>
      <pre>{pretty(node.operation)}</pre>
    </details>
  );
}

/** Far apart for the first few, whatever their number. */
const hues = ["172", "262", "28", "330", "210", "90"];

const time = (ms: number) => (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`);

const size = (bytes: number) => (bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`);

function pretty(operation: string): string {
  try {
    return print(parse(operation));
  } catch {
    return operation;
  }
}

function PlanIcon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round">
      <circle cx="6" cy="6" r="2.5" />
      <circle cx="18" cy="6" r="2.5" />
      <circle cx="18" cy="18" r="2.5" />
      <path d="M8.5 6h7M18 8.5v7M8 8l8 8.5" />
    </svg>
  );
}
